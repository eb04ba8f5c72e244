//! Commands of media changers (SMC-3).

super::commands! {
    0x01 "REZERO UNIT": None, Worker, Report, WRITES, ROBOT, [0x01, 0, 0, 0, 0, 0];
    0x07 "INITIALIZE ELEMENT STATUS": None, Worker, Report, WRITES, INVENTORY,
        [0x07, 0, 0, 0, 0, 0];
    0x1b "OPEN/CLOSE IMPORT/EXPORT ELEMENT": None, Worker, Report, WRITES, ROBOT,
        [0x1b, 0, 0xff, 0xff, 0x1f, 0];
    0x2b "POSITION TO ELEMENT": None, Worker, Report, WRITES, ROBOT,
        [0x2b, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0x01, 0];
    0x37 "INITIALIZE ELEMENT STATUS WITH RANGE": None, Worker, Report, WRITES, INVENTORY,
        [0x37, 0x03, 0xff, 0xff, 0, 0, 0xff, 0xff, 0, 0];
    0x9e [0x10] "REPORT ELEMENT INFORMATION": In, Inline, Report, READS, AT_ONCE,
        [0x9e, 0x10, 0xff, 0x3f, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0];
    // CONTROL: the vendor specific bits are mtx's `eepos`.
    0xa5 "MOVE MEDIUM": None, Worker, Report, WRITES, ROBOT,
        [0xa5, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0x01, 0xc0];
    0xa6 "EXCHANGE MEDIUM": None, Worker, Report, WRITES, ROBOT,
        [0xa6, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x03, 0];
    0xb5 "REQUEST VOLUME ELEMENT ADDRESS": In, Inline, Report, READS, AT_ONCE,
        [0xb5, 0x1f, 0xff, 0xff, 0xff, 0xff, 0, 0xff, 0xff, 0xff, 0, 0];
    // In conflict as SMC-3 §4.11 has it, because some of its actions give names to volumes.
    0xb6 "SEND VOLUME TAG": Out, Inline, Report, WRITES, AT_ONCE,
        [0xb6, 0x0f, 0xff, 0xff, 0, 0x1f, 0, 0, 0xff, 0xff, 0, 0];
    0xb8 "READ ELEMENT STATUS": In, Inline, Report, ELEMENTS, AT_ONCE,
        [0xb8, 0x1f, 0xff, 0xff, 0xff, 0xff, 0x03, 0xff, 0xff, 0xff, 0, 0];
    // Vendor specific: the operation code that the command had before SMC-2, still sent.
    0xe7 "INITIALIZE ELEMENT STATUS WITH RANGE": None, Worker, Report, WRITES, INVENTORY,
        [0xe7, 0x03, 0xff, 0xff, 0, 0, 0xff, 0xff, 0, 0];
}
