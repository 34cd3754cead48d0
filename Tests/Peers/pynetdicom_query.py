#!/usr/bin/env python3
"""pynetdicom as a service class user: pynetdicom_query.py ACTION PORT CALLED [options] [KEYWORD=VALUE…]

    find      prints a JSON object for each match       worklist   the same with the worklist
    move      --destination AE                          get        --output FOLDER [--transfer-syntax UID]…
    commit    FILE… [--listen PORT]                     mpps       N-CREATE, N-SET
    identity  --username U [--passcode P]               negotiate  prints what was agreed upon
    cancel    C-FIND, and C-CANCEL after the first match

The server is on 127.0.0.1; --calling AE, --level L, --root patient|study, --tls FOLDER [--certificate NAME] as needed. The
last line of the output is `STATUS 0x…`; the exit status is 0 when there was one.
"""

import argparse
import json
import os
import ssl
import sys
import threading

from pydicom import Dataset, dcmread
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid
from pynetdicom import AE, StoragePresentationContexts, build_role, evt
from pynetdicom.pdu_primitives import (
    AsynchronousOperationsWindowNegotiation, SOPClassCommonExtendedNegotiation, SOPClassExtendedNegotiation,
    UserIdentityNegotiation)
from pynetdicom.sop_class import (
    CTImageStorage, ModalityPerformedProcedureStep, ModalityWorklistInformationFind,
    PatientRootQueryRetrieveInformationModelFind, PatientRootQueryRetrieveInformationModelGet,
    PatientRootQueryRetrieveInformationModelMove, StorageCommitmentPushModel, StorageCommitmentPushModelInstance,
    StudyRootQueryRetrieveInformationModelFind, StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove, Verification)

MODELS = {
    ("find", "patient"): PatientRootQueryRetrieveInformationModelFind,
    ("find", "study"): StudyRootQueryRetrieveInformationModelFind,
    ("move", "patient"): PatientRootQueryRetrieveInformationModelMove,
    ("move", "study"): StudyRootQueryRetrieveInformationModelMove,
    ("get", "patient"): PatientRootQueryRetrieveInformationModelGet,
    ("get", "study"): StudyRootQueryRetrieveInformationModelGet}


def keys(options):
    identifier = Dataset()
    if options.action != "worklist":
        identifier.QueryRetrieveLevel = options.level
    for text in options.rest:
        keyword, _, value = text.partition("=")
        if "." in keyword:
            sequence, _, keyword = keyword.partition(".")
            if sequence not in identifier:
                setattr(identifier, sequence, [Dataset()])
            setattr(identifier[sequence].value[0], keyword, value)
        else:
            setattr(identifier, keyword, value)
    return identifier


def associate(options, entity, negotiation=(), handlers=()):
    tls = None
    if options.tls:
        context = ssl.create_default_context(cafile=f"{options.tls}/ca.crt")
        if options.certificate:
            context.load_cert_chain(f"{options.tls}/{options.certificate}.crt", f"{options.tls}/{options.certificate}.key")
        tls = (context, "localhost")
    association = entity.associate(
        "127.0.0.1", options.port, ae_title=options.called, ext_neg=list(negotiation), evt_handlers=list(handlers),
        tls_args=tls)
    if not association.is_established:
        rejected = association.acceptor.primitive
        print("NOT ESTABLISHED", getattr(rejected, "result_str", ""), flush=True)
        sys.exit(1)
    return association


def final(responses, show=lambda dataset: None):
    status = None
    for status, dataset in responses:
        if dataset is not None and status and status.Status in (0xFF00, 0xFF01):
            show(dataset)
    return status.Status if status else None


def show(dataset):
    print(json.dumps(dataset.to_json_dict()), flush=True)


def find(options, entity):
    model = ModalityWorklistInformationFind if options.action == "worklist" else MODELS["find", options.root]
    entity.add_requested_context(model)
    association = associate(options, entity)
    status = final(association.send_c_find(keys(options), model), show)
    association.release()
    return status


def cancel(options, entity):
    model = MODELS["find", options.root]
    entity.add_requested_context(model)
    association = associate(options, entity)
    status, count = None, 0
    for status, _ in association.send_c_find(keys(options), model, msg_id=7):
        count += 1
        if count == 1:
            association.send_c_cancel(7, query_model=model)
    association.release()
    return status.Status if status else None


def move(options, entity):
    entity.add_requested_context(MODELS["move", options.root])
    association = associate(options, entity)
    status = final(association.send_c_move(keys(options), options.destination, MODELS["move", options.root]))
    association.release()
    return status


def get(options, entity):
    os.makedirs(options.output, exist_ok=True)
    entity.add_requested_context(MODELS["get", options.root])
    syntaxes = options.transfer_syntax or [ExplicitVRLittleEndian, ImplicitVRLittleEndian]
    roles = []
    for context in StoragePresentationContexts[:120]:
        entity.add_requested_context(context.abstract_syntax, syntaxes)
        roles.append(build_role(context.abstract_syntax, scp_role=True))

    def store(event):
        dataset = event.dataset
        dataset.file_meta = event.file_meta
        dataset.save_as(os.path.join(options.output, dataset.SOPInstanceUID + ".dcm"), enforce_file_format=True)
        return 0x0000

    association = associate(options, entity, roles, [(evt.EVT_C_STORE, store)])
    status = final(association.send_c_get(keys(options), MODELS["get", options.root]))
    association.release()
    return status


def commit(options, entity):
    reported = threading.Event()

    def report(event):
        information = event.event_information
        print(json.dumps({
            "event": event.event_type, "transaction": information.TransactionUID == request.TransactionUID,
            "committed": len(information.get("ReferencedSOPSequence", [])),
            "failed": [item.FailureReason for item in information.get("FailedSOPSequence", [])]}), flush=True)
        reported.set()
        return 0x0000, None

    request = Dataset()
    request.TransactionUID = generate_uid()
    request.ReferencedSOPSequence = []
    for path in options.rest:
        file = dcmread(path, stop_before_pixels=True)
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = file.SOPClassUID, file.SOPInstanceUID
        request.ReferencedSOPSequence.append(item)
    server = None
    if options.listen:
        own = AE(ae_title=options.calling)
        own.add_supported_context(StorageCommitmentPushModel, scu_role=True, scp_role=True)
        server = own.start_server(
            ("127.0.0.1", options.listen), block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, report)])
    entity.add_requested_context(StorageCommitmentPushModel)
    association = associate(options, entity, handlers=[] if server else [(evt.EVT_N_EVENT_REPORT, report)])
    status, _ = association.send_n_action(request, 1, StorageCommitmentPushModel, StorageCommitmentPushModelInstance)
    if not reported.wait(20):
        print("no report came", flush=True)
        sys.exit(1)
    association.release()
    if server:
        server.shutdown()
    return status.Status


def mpps(options, entity):
    entity.add_requested_context(ModalityPerformedProcedureStep)
    association = associate(options, entity)
    uid, step, end = generate_uid(), Dataset(), Dataset()
    step.PerformedProcedureStepStatus, step.Modality, step.PatientID = "IN PROGRESS", "CT", "P1"
    end.PerformedProcedureStepStatus = "COMPLETED"
    statuses = [association.send_n_create(step, ModalityPerformedProcedureStep, uid)[0].Status]
    for modification in (end, end):
        statuses.append(association.send_n_set(modification, ModalityPerformedProcedureStep, uid)[0].Status)
    association.release()
    print(" ".join(f"0x{status:04X}" for status in statuses))
    return statuses[0]


def identity(options, entity):
    entity.add_requested_context(Verification)
    user = UserIdentityNegotiation()
    user.user_identity_type = 2 if options.passcode else 1
    user.primary_field = options.username.encode()
    if options.passcode:
        user.secondary_field = options.passcode.encode()
    user.positive_response_requested = True
    association = associate(options, entity, [user])
    print("RESPONSE", association.acceptor.user_identity is not None)
    status = association.send_c_echo().Status
    association.release()
    return status


def negotiate(options, entity):
    model = MODELS["find", options.root]
    entity.add_requested_context(model)
    entity.add_requested_context(CTImageStorage)
    entity.add_requested_context(Verification)
    window = AsynchronousOperationsWindowNegotiation()
    window.maximum_number_operations_invoked, window.maximum_number_operations_performed = 5, 5
    extended = SOPClassExtendedNegotiation()
    extended.sop_class_uid, extended.service_class_application_information = model, b"\x01\x01\x01"
    common = SOPClassCommonExtendedNegotiation()
    common.sop_class_uid, common.service_class_uid = CTImageStorage, "1.2.840.10008.4.2"
    association = associate(options, entity, [window, extended, common, build_role(CTImageStorage, scp_role=True)])
    acceptor = association.acceptor
    print(json.dumps({
        "operations": list(acceptor.asynchronous_operations),
        "extended": {uid: list(value) for uid, value in acceptor.sop_class_extended.items()},
        "roles": {uid: [role.scu_role, role.scp_role] for uid, role in acceptor.role_selection.items()},
        "accepted": [context.abstract_syntax for context in association.accepted_contexts]}))
    status = association.send_c_echo().Status
    association.release()
    return status


ACTIONS = {"find": find, "worklist": find, "move": move, "get": get, "commit": commit, "mpps": mpps,
           "identity": identity, "negotiate": negotiate, "cancel": cancel}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=ACTIONS)
    parser.add_argument("port", type=int)
    parser.add_argument("called")
    parser.add_argument("rest", nargs="*")
    for name in ("calling", "level", "root", "destination", "output", "username", "passcode", "tls", "certificate"):
        parser.add_argument("--" + name)
    parser.add_argument("--listen", type=int)
    parser.add_argument("--transfer-syntax", action="append")
    parser.set_defaults(calling="QUERY", level="STUDY", root="study")
    options = parser.parse_intermixed_args()
    entity = AE(ae_title=options.calling)
    entity.maximum_pdu_size = 131072
    status = ACTIONS[options.action](options, entity)
    if status is None:
        print("no response came")
        sys.exit(1)
    print(f"STATUS 0x{status:04X}")


main()
