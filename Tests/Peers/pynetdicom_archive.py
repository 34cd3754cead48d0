#!/usr/bin/env python3
"""pynetdicom as a peer that offers everything: query/retrieve, worklist, storage commitment, procedure steps.

    pynetdicom_archive.py [--ae-title AE] [--content FOLDER] [--destination AE@PORT]… [--report-to AE@PORT] [--tls FOLDER]

Holds the files of --content and what it receives in memory, in the transfer syntaxes that they are in. Reports of storage
commitment go to --report-to over an association of their own, or else over the one of the request. Prints
`READY port=N`, then a line `MPPS …` for each N-CREATE and N-SET; ends when standard input closes or on SIGTERM.
"""

import argparse
import fnmatch
import pathlib
import ssl
import threading

import peer
from pydicom import Dataset, dcmread
from pydicom.uid import AllTransferSyntaxes
from pynetdicom import AE, AllStoragePresentationContexts, build_role, evt
from pynetdicom.sop_class import (
    ModalityPerformedProcedureStep, ModalityWorklistInformationFind, PatientRootQueryRetrieveInformationModelFind,
    PatientRootQueryRetrieveInformationModelGet, PatientRootQueryRetrieveInformationModelMove,
    StorageCommitmentPushModel, StorageCommitmentPushModelInstance, StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet, StudyRootQueryRetrieveInformationModelMove, Verification)

SERVICES = [
    Verification, PatientRootQueryRetrieveInformationModelFind, StudyRootQueryRetrieveInformationModelFind,
    PatientRootQueryRetrieveInformationModelMove, StudyRootQueryRetrieveInformationModelMove,
    PatientRootQueryRetrieveInformationModelGet, StudyRootQueryRetrieveInformationModelGet,
    ModalityWorklistInformationFind, StorageCommitmentPushModel, ModalityPerformedProcedureStep]
LEVELS = {"PATIENT": "PatientID", "STUDY": "StudyInstanceUID", "SERIES": "SeriesInstanceUID", "IMAGE": "SOPInstanceUID"}


def matches(dataset, keys):
    for key in keys:
        if key.keyword in ("QueryRetrieveLevel", "SpecificCharacterSet") or key.is_empty:
            continue
        if key.VR == "SQ":
            if not any(matches(item, key.value[0]) for item in dataset.get(key.keyword, [])):
                return False
            continue
        if key.VR == "DA" and "-" in key.value:
            low, _, high = key.value.partition("-")
            if not low <= dataset.get(key.keyword, "") <= (high or "9"):
                return False
            continue
        wanted = key.value if key.VM > 1 else [key.value]
        if not any(fnmatch.fnmatchcase(str(dataset.get(key.keyword, "")), str(value)) for value in wanted):
            return False
    return True


def answer(dataset, keys):
    found = Dataset()
    for key in keys:
        if key.keyword in dataset:
            found[key.tag] = dataset[key.tag]
        else:
            found.add_new(key.tag, key.VR, [] if key.VR == "SQ" else "")
    if "SpecificCharacterSet" in dataset:
        found.SpecificCharacterSet = dataset.SpecificCharacterSet
    return found


def worklist():
    items = []
    for number, modality in ((1, "CT"), (2, "MR")):
        step = Dataset()
        step.Modality, step.ScheduledStationAETitle = modality, f"{modality}1"
        step.ScheduledProcedureStepStartDate, step.ScheduledProcedureStepID = f"2026030{number}", f"S{number}"
        item = Dataset()
        item.SpecificCharacterSet = "ISO_IR 192"
        item.PatientName, item.PatientID, item.AccessionNumber = f"Prüfling^{number}", f"P{number}", f"A{number}"
        item.ScheduledProcedureStepSequence = [step]
        items.append(item)
    return items


class Archive:
    def __init__(self, options):
        self.instances = {}
        self.steps = {}
        self.options = options
        for path in sorted(pathlib.Path(options.content).rglob("*")) if options.content else []:
            if path.is_file():
                self.add(dcmread(path))

    def add(self, dataset):
        self.instances[dataset.SOPInstanceUID] = dataset

    def store(self, event):
        dataset = event.dataset
        dataset.file_meta = event.file_meta
        self.add(dataset)
        return 0x0000

    def find(self, event):
        keys = event.identifier
        if event.request.AffectedSOPClassUID == ModalityWorklistInformationFind:
            found = [item for item in worklist() if matches(item, keys)]
        else:
            unique = LEVELS[keys.QueryRetrieveLevel]
            found = {dataset[unique].value: dataset for dataset in self.instances.values() if matches(dataset, keys)}.values()
        for dataset in found:
            if event.is_cancelled:
                yield 0xFE00, None
                return
            yield 0xFF00, answer(dataset, keys)

    def wanted(self, event):
        keys = Dataset()
        for keyword in LEVELS.values():
            if keyword in event.identifier:
                keys[keyword] = event.identifier[keyword]
        return [dataset for dataset in self.instances.values() if matches(dataset, keys)]

    def get(self, event):
        found = self.wanted(event)
        yield len(found)
        for dataset in found:
            if event.is_cancelled:
                yield 0xFE00, None
                return
            yield 0xFF00, dataset

    def move(self, event):
        known = dict((title, int(port)) for title, _, port in (text.rpartition("@") for text in self.options.destination))
        if event.move_destination not in known:
            yield None, None
            return
        found = self.wanted(event)
        contexts = []
        for dataset in found:
            pair = (dataset.SOPClassUID, dataset.file_meta.TransferSyntaxUID)
            if pair not in contexts:
                contexts.append(pair)
        requestor = AE(ae_title=self.options.ae_title)
        for sop_class, syntax in contexts:
            requestor.add_requested_context(sop_class, syntax)
        yield "127.0.0.1", known[event.move_destination], {"contexts": requestor.requested_contexts}
        yield len(found)
        for dataset in found:
            yield 0xFF00, dataset

    def commit(self, event):
        request = event.action_information
        report = Dataset()
        report.TransactionUID = request.TransactionUID
        good = [item for item in request.ReferencedSOPSequence if item.ReferencedSOPInstanceUID in self.instances]
        bad = [item for item in request.ReferencedSOPSequence if item.ReferencedSOPInstanceUID not in self.instances]
        report.ReferencedSOPSequence = good
        if bad:
            for item in bad:
                item.FailureReason = 0x0112
            report.FailedSOPSequence = bad
        threading.Thread(target=self.report, args=(event.assoc, report, 2 if bad else 1), daemon=True).start()
        return 0x0000, None

    def report(self, association, report, kind):
        if self.options.report_to:
            title, _, port = self.options.report_to.rpartition("@")
            requestor = AE(ae_title=self.options.ae_title)
            requestor.add_requested_context(StorageCommitmentPushModel)
            association = requestor.associate(
                "127.0.0.1", int(port), ae_title=title,
                ext_neg=[build_role(StorageCommitmentPushModel, scu_role=False, scp_role=True)])
        association.send_n_event_report(report, kind, StorageCommitmentPushModel, StorageCommitmentPushModelInstance)
        if self.options.report_to:
            association.release()

    def create(self, event):
        uid = event.request.AffectedSOPInstanceUID
        self.steps[uid] = event.attribute_list
        print("MPPS created", event.attribute_list.PerformedProcedureStepStatus, flush=True)
        return 0x0000, event.attribute_list

    def set(self, event):
        if event.request.RequestedSOPInstanceUID not in self.steps:
            return 0x0112, None
        print("MPPS set", event.modification_list.PerformedProcedureStepStatus, flush=True)
        return 0x0000, event.modification_list


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ae-title", default="ARCHIVE")
    parser.add_argument("--content")
    parser.add_argument("--destination", action="append", default=[], metavar="AE@PORT")
    parser.add_argument("--report-to", metavar="AE@PORT")
    parser.add_argument("--tls", help="the folder of certificates.py; clients have to show a certificate")
    options = parser.parse_args()
    ended = peer.until_told_to_end()
    archive = Archive(options)
    entity = AE(ae_title=options.ae_title)
    entity.maximum_pdu_size = 131072
    for sop_class in SERVICES:
        entity.add_supported_context(sop_class, scu_role=True, scp_role=True)
    for context in AllStoragePresentationContexts:
        entity.add_supported_context(context.abstract_syntax, AllTransferSyntaxes, scu_role=True, scp_role=True)
    context = None
    if options.tls:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=f"{options.tls}/ca.crt")
        context.load_cert_chain(f"{options.tls}/server.crt", f"{options.tls}/server.key")
        context.verify_mode = ssl.CERT_REQUIRED
    server = entity.start_server(
        ("127.0.0.1", 0), block=False, ssl_context=context,
        evt_handlers=[
            (evt.EVT_C_STORE, archive.store), (evt.EVT_C_FIND, archive.find), (evt.EVT_C_GET, archive.get),
            (evt.EVT_C_MOVE, archive.move), (evt.EVT_N_ACTION, archive.commit), (evt.EVT_N_CREATE, archive.create),
            (evt.EVT_N_SET, archive.set)])
    peer.ready(port=server.server_address[1])
    ended.wait()
    server.shutdown()


main()
