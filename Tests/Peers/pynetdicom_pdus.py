#!/usr/bin/env python3
"""What pynetdicom reads in PDUs, how it writes them, and what it says is to be done in each state.

    pynetdicom_pdus.py pdus FILE     reads a JSON list of {"bytes": HEX, "fields": FIELDS or null}; prints a JSON list with,
                                     for each, the FIELDS that pynetdicom decodes the bytes to ("decoded"), the bytes that
                                     it encodes those to ("encoded"), and the bytes that it makes of the given FIELDS by its
                                     primitives ("made", absent when there are none)
    pynetdicom_pdus.py states        prints a JSON object: "EVENT STATE" to action
"""

import json
import sys

from pynetdicom import fsm, pdu_items, pdu_primitives
from pynetdicom.pdu import (
    A_ABORT_RQ, A_ASSOCIATE_AC, A_ASSOCIATE_RJ, A_ASSOCIATE_RQ, A_RELEASE_RP, A_RELEASE_RQ, P_DATA_TF,
)
from pynetdicom.presentation import PresentationContext

TYPES = [A_ASSOCIATE_RQ, A_ASSOCIATE_AC, A_ASSOCIATE_RJ, P_DATA_TF, A_RELEASE_RQ, A_RELEASE_RP, A_ABORT_RQ]


# Bytes to fields.


def read(data):
    pdu = TYPES[data[0] - 1]()
    pdu.decode(data)
    fields = {"type": data[0]}
    if isinstance(pdu, (A_ASSOCIATE_RQ, A_ASSOCIATE_AC)):
        fields["version"] = pdu.protocol_version
        # In an acceptance these two fields are reserved, with the request's titles in them.
        is_request = isinstance(pdu, A_ASSOCIATE_RQ)
        fields["called"] = pdu.called_ae_title if is_request else text(pdu.reserved_aet)
        fields["calling"] = pdu.calling_ae_title if is_request else text(pdu.reserved_aec)
        fields["applicationContext"] = str(pdu.application_context_name)
        fields["contexts"] = [read_context(item) for item in pdu.presentation_context]
        read_information(pdu.user_information, fields)
    elif isinstance(pdu, A_ASSOCIATE_RJ):
        fields.update(result=pdu.result, source=pdu.source, reason=pdu.reason_diagnostic)
    elif isinstance(pdu, A_ABORT_RQ):
        fields.update(source=pdu.source, reason=pdu.reason_diagnostic)
    elif isinstance(pdu, P_DATA_TF):
        values = pdu.presentation_data_value_items
        fields["values"] = [
            {"contextID": v.context_id, "control": v.data[0], "bytes": v.data[1:].hex()} for v in values
        ]
    return fields, pdu.encode()


def text(value):
    return value if isinstance(value, str) else value.decode("ascii")


def read_context(item):
    if isinstance(item, pdu_items.PresentationContextItemRQ):
        syntaxes = [str(uid) for uid in item.transfer_syntax]
        return {"id": item.context_id, "abstractSyntax": str(item.abstract_syntax), "transferSyntaxes": syntaxes}
    return {"id": item.context_id, "result": item.result, "transferSyntaxes": [str(item.transfer_syntax)]}


def read_information(information, fields):
    fields.update(roles=[], extended=[], commonExtended=[])
    for item in information.user_data:
        if isinstance(item, pdu_items.MaximumLengthSubItem):
            fields["maximumLength"] = item.maximum_length_received
        elif isinstance(item, pdu_items.ImplementationClassUIDSubItem):
            fields["implementationClassUID"] = str(item.implementation_class_uid)
        elif isinstance(item, pdu_items.ImplementationVersionNameSubItem):
            fields["implementationVersionName"] = item.implementation_version_name
        elif isinstance(item, pdu_items.AsynchronousOperationsWindowSubItem):
            window = [item.maximum_number_operations_invoked, item.maximum_number_operations_performed]
            fields["asynchronousOperations"] = window
        elif isinstance(item, pdu_items.SCP_SCU_RoleSelectionSubItem):
            role = {"uid": str(item.sop_class_uid), "isSCU": item.scu_role == 1, "isSCP": item.scp_role == 1}
            fields["roles"].append(role)
        elif isinstance(item, pdu_items.SOPClassExtendedNegotiationSubItem):
            information = item.service_class_application_information
            fields["extended"].append({"uid": str(item.sop_class_uid), "information": information.hex()})
        elif isinstance(item, pdu_items.SOPClassCommonExtendedNegotiationSubItem):
            related = [str(uid) for uid in item.related_general_sop_class_identification]
            fields["commonExtended"].append(
                {"uid": str(item.sop_class_uid), "serviceClass": str(item.service_class_uid), "related": related})
        elif isinstance(item, pdu_items.UserIdentitySubItemRQ):
            fields["identity"] = {
                "type": item.user_identity_type, "isResponseRequested": item.positive_response_requested == 1,
                "primary": item.primary_field.hex(), "secondary": item.secondary_field.hex()}
        elif isinstance(item, pdu_items.UserIdentitySubItemAC):
            fields["identityResponse"] = item.server_response.hex()


# Fields to bytes, by the primitives that pynetdicom's own applications use.


def make(fields):
    pdu = TYPES[fields["type"] - 1]()
    if isinstance(pdu, (A_ASSOCIATE_RQ, A_ASSOCIATE_AC)):
        pdu.from_primitive(associate(fields))
    elif isinstance(pdu, A_ASSOCIATE_RJ):
        primitive = pdu_primitives.A_ASSOCIATE()
        primitive.result, primitive.result_source = fields["result"], fields["source"]
        primitive.diagnostic = fields["reason"]
        pdu.from_primitive(primitive)
    elif isinstance(pdu, A_ABORT_RQ):
        if fields["source"] == 2:
            primitive = pdu_primitives.A_P_ABORT()
            primitive.provider_reason = fields["reason"]
        else:
            primitive = pdu_primitives.A_ABORT()
            primitive.abort_source = fields["source"]
        pdu.from_primitive(primitive)
    elif isinstance(pdu, P_DATA_TF):
        primitive = pdu_primitives.P_DATA()
        primitive.presentation_data_value_list = [
            [v["contextID"], bytes([v["control"]]) + bytes.fromhex(v["bytes"])] for v in fields["values"]
        ]
        pdu.from_primitive(primitive)
    return pdu.encode()


def associate(fields):
    primitive = pdu_primitives.A_ASSOCIATE()
    primitive.called_ae_title, primitive.calling_ae_title = fields["called"], fields["calling"]
    primitive.application_context_name = fields["applicationContext"]
    contexts = []
    for context in fields["contexts"]:
        made = PresentationContext()
        made.context_id = context["id"]
        made.transfer_syntax = context["transferSyntaxes"]
        if "abstractSyntax" in context:
            made.abstract_syntax = context["abstractSyntax"]
        else:
            made.result = context["result"]
        contexts.append(made)
    if fields["type"] == 1:
        primitive.presentation_context_definition_list = contexts
    else:
        primitive.result, primitive.result_source = 0, 1
        primitive.presentation_context_definition_results_list = contexts
    primitive.user_information = list(information(fields))
    return primitive


def information(fields):
    """In the order of the item types, which is the one that DICOMUpperLayer writes."""
    item = pdu_primitives.MaximumLengthNotification()
    item.maximum_length_received = fields["maximumLength"]
    yield item
    if "implementationClassUID" in fields:
        item = pdu_primitives.ImplementationClassUIDNotification()
        item.implementation_class_uid = fields["implementationClassUID"]
        yield item
    if "asynchronousOperations" in fields:
        item = pdu_primitives.AsynchronousOperationsWindowNegotiation()
        item.maximum_number_operations_invoked = fields["asynchronousOperations"][0]
        item.maximum_number_operations_performed = fields["asynchronousOperations"][1]
        yield item
    for role in fields["roles"]:
        item = pdu_primitives.SCP_SCU_RoleSelectionNegotiation()
        item.sop_class_uid, item.scu_role, item.scp_role = role["uid"], role["isSCU"], role["isSCP"]
        yield item
    if "implementationVersionName" in fields:
        item = pdu_primitives.ImplementationVersionNameNotification()
        item.implementation_version_name = fields["implementationVersionName"]
        yield item
    for extended in fields["extended"]:
        item = pdu_primitives.SOPClassExtendedNegotiation()
        item.sop_class_uid = extended["uid"]
        item.service_class_application_information = bytes.fromhex(extended["information"])
        yield item
    for common in fields["commonExtended"]:
        item = pdu_primitives.SOPClassCommonExtendedNegotiation()
        item.sop_class_uid, item.service_class_uid = common["uid"], common["serviceClass"]
        item.related_general_sop_class_identification = common["related"]
        yield item
    if "identity" in fields:
        item = pdu_primitives.UserIdentityNegotiation()
        item.user_identity_type = fields["identity"]["type"]
        item.positive_response_requested = fields["identity"]["isResponseRequested"]
        item.primary_field = bytes.fromhex(fields["identity"]["primary"])
        item.secondary_field = bytes.fromhex(fields["identity"]["secondary"])
        yield item
    if "identityResponse" in fields:
        item = pdu_primitives.UserIdentityNegotiation()
        item.server_response = bytes.fromhex(fields["identityResponse"])
        yield item


def checked(case):
    answer = {}
    try:
        answer["decoded"], encoded = read(bytes.fromhex(case["bytes"]))
        answer["encoded"] = encoded.hex()
    except Exception as error:  # noqa: BLE001 - the test tells what pynetdicom cannot read
        answer["error"] = f"reading: {error!r}"
    if case.get("fields") is not None:
        try:
            answer["made"] = make(case["fields"]).hex()
        except Exception as error:  # noqa: BLE001
            answer["makingError"] = repr(error)
    return answer


def main():
    if sys.argv[1] == "states":
        print(json.dumps({f"{event} {state}": action for (event, state), action in fsm.TRANSITION_TABLE.items()}))
        return
    with open(sys.argv[2], encoding="utf-8") as file:
        print(json.dumps([checked(case) for case in json.load(file)]))


if __name__ == "__main__":
    main()
