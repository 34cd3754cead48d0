#!/usr/bin/env python3
"""A C-ECHO by pynetdicom: prints its status as four hexadecimal digits.

    pynetdicom_echo.py PORT CALLED_AE [--calling AE] [--abstract-syntax UID] [--max-pdu N] [--timeout SECONDS]

Exit status: 0 Success, 2 the association was rejected (prints `rejected RESULT SOURCE REASON`), 3 the context was refused
(prints `context refused`), 4 aborted or not connected, 1 another status.
"""

import argparse
import sys

from pynetdicom import AE
from pynetdicom.sop_class import Verification


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("port", type=int)
    parser.add_argument("called")
    parser.add_argument("--calling", default="PYNETDICOM")
    parser.add_argument("--abstract-syntax", default=Verification)
    parser.add_argument("--max-pdu", type=int, default=16384)
    parser.add_argument("--timeout", type=float, default=10)
    options = parser.parse_args()

    entity = AE(ae_title=options.calling)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = entity.connection_timeout = options.timeout
    entity.add_requested_context(options.abstract_syntax)
    association = entity.associate("127.0.0.1", options.port, ae_title=options.called, max_pdu=options.max_pdu)
    if association.is_rejected:
        answer = association.acceptor.primitive
        print("rejected", answer.result, answer.result_source, answer.diagnostic)
        return 2
    if not association.is_established:
        # pynetdicom aborts by itself when no context was accepted.
        refused = association.rejected_contexts
        print("context refused" if refused else "not established")
        return 3 if refused else 4
    if options.abstract_syntax != Verification:
        association.release()
        print("accepted")
        return 0
    status = association.send_c_echo()
    association.release()
    if "Status" not in status:
        print("aborted")
        return 4
    print(f"{status.Status:04X}")
    return 0 if status.Status == 0 else 1


sys.exit(main())
