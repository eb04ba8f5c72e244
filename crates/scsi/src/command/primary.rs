//! Commands of all devices (SPC-5, and SPC-2 for RESERVE and RELEASE).

super::commands! {
    0x00 "TEST UNIT READY": None, Inline, Report, STATE, AT_ONCE, [0x00, 0, 0, 0, 0, 0];
    0x03 "REQUEST SENSE": In, Inline, Ignore, ALWAYS, AT_ONCE, [0x03, 0x01, 0, 0, 0xff, 0];
    0x12 "INQUIRY": In, Inline, Ignore, ALWAYS, AT_ONCE, [0x12, 0x01, 0xff, 0xff, 0xff, 0];
    0x15 "MODE SELECT(6)": Out, Worker, Report, WRITES, PARAMETERS, [0x15, 0x11, 0, 0, 0xff, 0];
    // Of RESERVE and RELEASE what SPC-2 demands: the whole unit for the nexus itself. Reservations for
    // third parties, of extents and of elements are obsolete; their fields count as reserved.
    0x16 "RESERVE(6)": None, Inline, Report, RESERVE, AT_ONCE, [0x16, 0, 0, 0, 0, 0];
    0x17 "RELEASE(6)": None, Inline, Report, ALWAYS, AT_ONCE, [0x17, 0, 0, 0, 0, 0];
    0x1a "MODE SENSE(6)": In, Inline, Report, READS, AT_ONCE, [0x1a, 0x08, 0xff, 0xff, 0xff, 0];
    0x1c "RECEIVE DIAGNOSTIC RESULTS": In, Inline, Report, READS, AT_ONCE,
        [0x1c, 0x01, 0xff, 0xff, 0xff, 0];
    // On the worker, because a drive's test brings data to the disk.
    0x1d "SEND DIAGNOSTIC": Out, Worker, Report, WRITES, SELF_TEST,
        [0x1d, 0xf7, 0, 0xff, 0xff, 0];
    0x1e "PREVENT ALLOW MEDIUM REMOVAL": None, Inline, Report, REMOVAL, AT_ONCE,
        [0x1e, 0, 0, 0, 0x03, 0];
    0x3b "WRITE BUFFER": Out, Inline, Report, WRITES, AT_ONCE,
        [0x3b, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0];
    0x3c "READ BUFFER(10)": In, Inline, Report, READS, AT_ONCE,
        [0x3c, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0];
    0x4c "LOG SELECT": Out, Inline, Report, WRITES, AT_ONCE,
        [0x4c, 0x03, 0xff, 0xff, 0, 0, 0, 0xff, 0xff, 0];
    0x4d "LOG SENSE": In, Inline, Report, ALWAYS, AT_ONCE,
        [0x4d, 0x01, 0xff, 0xff, 0, 0xff, 0xff, 0xff, 0xff, 0];
    0x55 "MODE SELECT(10)": Out, Worker, Report, WRITES, PARAMETERS,
        [0x55, 0x11, 0, 0, 0, 0, 0, 0xff, 0xff, 0];
    0x56 "RESERVE(10)": None, Inline, Report, RESERVE, AT_ONCE, [0x56, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    0x57 "RELEASE(10)": None, Inline, Report, ALWAYS, AT_ONCE, [0x57, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    0x5a "MODE SENSE(10)": In, Inline, Report, READS, AT_ONCE,
        [0x5a, 0x18, 0xff, 0xff, 0, 0, 0, 0xff, 0xff, 0];
    0x5e [0x00] "PERSISTENT RESERVE IN: READ KEYS": In, Inline, Report, RESERVE, AT_ONCE,
        [0x5e, 0x00, 0, 0, 0, 0, 0, 0xff, 0xff, 0];
    0x5e [0x01] "PERSISTENT RESERVE IN: READ RESERVATION": In, Inline, Report, RESERVE, AT_ONCE,
        [0x5e, 0x01, 0, 0, 0, 0, 0, 0xff, 0xff, 0];
    0x5e [0x02] "PERSISTENT RESERVE IN: REPORT CAPABILITIES": In, Inline, Report, RESERVE, AT_ONCE,
        [0x5e, 0x02, 0, 0, 0, 0, 0, 0xff, 0xff, 0];
    0x5e [0x03] "PERSISTENT RESERVE IN: READ FULL STATUS": In, Inline, Report, RESERVE, AT_ONCE,
        [0x5e, 0x03, 0, 0, 0, 0, 0, 0xff, 0xff, 0];
    // On the worker, because what survives a loss of power is written to the disk first. Scope and
    // type are ignored where they mean nothing.
    0x5f [0x00] "PERSISTENT RESERVE OUT: REGISTER": Out, Worker, Report, RESERVE,
        PARAMETERS, [0x5f, 0x00, 0xff, 0, 0, 0xff, 0xff, 0xff, 0xff, 0];
    0x5f [0x01] "PERSISTENT RESERVE OUT: RESERVE": Out, Worker, Report, RESERVE,
        PARAMETERS, [0x5f, 0x01, 0xff, 0, 0, 0xff, 0xff, 0xff, 0xff, 0];
    0x5f [0x02] "PERSISTENT RESERVE OUT: RELEASE": Out, Worker, Report, RESERVE,
        PARAMETERS, [0x5f, 0x02, 0xff, 0, 0, 0xff, 0xff, 0xff, 0xff, 0];
    0x5f [0x03] "PERSISTENT RESERVE OUT: CLEAR": Out, Worker, Report, RESERVE,
        PARAMETERS, [0x5f, 0x03, 0xff, 0, 0, 0xff, 0xff, 0xff, 0xff, 0];
    0x5f [0x04] "PERSISTENT RESERVE OUT: PREEMPT": Out, Worker, Report, RESERVE,
        PARAMETERS, [0x5f, 0x04, 0xff, 0, 0, 0xff, 0xff, 0xff, 0xff, 0];
    0x5f [0x05] "PERSISTENT RESERVE OUT: PREEMPT AND ABORT": Out, Worker, Report, RESERVE,
        PARAMETERS, [0x5f, 0x05, 0xff, 0, 0, 0xff, 0xff, 0xff, 0xff, 0];
    0x5f [0x06] "PERSISTENT RESERVE OUT: REGISTER AND IGNORE EXISTING KEY": Out, Worker, Report, RESERVE,
        PARAMETERS, [0x5f, 0x06, 0xff, 0, 0, 0xff, 0xff, 0xff, 0xff, 0];
    0x5f [0x07] "PERSISTENT RESERVE OUT: REGISTER AND MOVE": Out, Worker, Report, RESERVE,
        PARAMETERS, [0x5f, 0x07, 0xff, 0, 0, 0xff, 0xff, 0xff, 0xff, 0];
    0xa0 "REPORT LUNS": In, Inline, Ignore, ALWAYS, AT_ONCE,
        [0xa0, 0, 0xff, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0];
    0xa3 [0x05] "REPORT IDENTIFYING INFORMATION": In, Inline, Report, ALWAYS, AT_ONCE,
        [0xa3, 0x05, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xfe, 0];
    0xa3 [0x0a] "REPORT TARGET PORT GROUPS": In, Inline, Report, ALWAYS, AT_ONCE,
        [0xa3, 0xea, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0];
    0xa3 [0x0c] "REPORT SUPPORTED OPERATION CODES": In, Inline, Report, READS, AT_ONCE,
        [0xa3, 0x0c, 0x87, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0];
    0xa3 [0x0d] "REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS": In, Inline, Report, READS, AT_ONCE,
        [0xa3, 0x0d, 0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0];
    0xa3 [0x0f] "REPORT TIMESTAMP": In, Inline, Report, ALWAYS, AT_ONCE,
        [0xa3, 0x0f, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0];
    // On the worker, because it is kept on the disk.
    0xa4 [0x06] "SET IDENTIFYING INFORMATION": Out, Worker, Report, WRITES, PARAMETERS,
        [0xa4, 0x06, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xfe, 0];
    0xa4 [0x0f] "SET TIMESTAMP": Out, Inline, Report, WRITES, AT_ONCE,
        [0xa4, 0x0f, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0];
}
