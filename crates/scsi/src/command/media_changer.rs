//! Commands of media changers (SMC-3).

super::commands! {
    0x07 "INITIALIZE ELEMENT STATUS": None, Worker, Report, WRITES, INVENTORY,
        [0x07, 0, 0, 0, 0, 0];
    0x2b "POSITION TO ELEMENT": None, Worker, Report, WRITES, ROBOT,
        [0x2b, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0x01, 0];
    0x37 "INITIALIZE ELEMENT STATUS WITH RANGE": None, Worker, Report, WRITES, INVENTORY,
        [0x37, 0x03, 0xff, 0xff, 0, 0, 0xff, 0xff, 0, 0];
    0xa5 "MOVE MEDIUM": None, Worker, Report, WRITES, ROBOT,
        [0xa5, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0x01, 0];
    0xb8 "READ ELEMENT STATUS": In, Inline, Report, ELEMENTS, AT_ONCE,
        [0xb8, 0x1f, 0xff, 0xff, 0xff, 0xff, 0x03, 0xff, 0xff, 0xff, 0, 0];
    // Vendor specific: the operation code that the command had before SMC-2, still sent.
    0xe7 "INITIALIZE ELEMENT STATUS WITH RANGE": None, Worker, Report, WRITES, INVENTORY,
        [0xe7, 0x03, 0xff, 0xff, 0, 0, 0xff, 0xff, 0, 0];
}
