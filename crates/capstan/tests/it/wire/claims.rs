//! The checklist: what an iSCSI target has to do, line by line.
//!
//! A test belongs to the lines that its name begins with: `d1_d2_…` to D1 and D2. No line is without.

/// A line of the checklist.
pub(super) struct Claim {
    /// Its name: a letter and a number.
    pub(super) line: &'static str,
    /// What it claims.
    pub(super) says: &'static str,
    /// Where RFC 7143 says it; empty where the claim is our own.
    pub(super) sections: &'static str,
    /// What we chose where the standard leaves a choice.
    pub(super) decided: &'static str,
}

const fn claim(line: &'static str, sections: &'static str, says: &'static str) -> Claim {
    Claim {
        line,
        says,
        sections,
        decided: "",
    }
}

impl Claim {
    const fn decided(self, decided: &'static str) -> Self {
        Self { decided, ..self }
    }
}

/// A group of lines.
pub(super) struct Chapter {
    pub(super) title: &'static str,
    pub(super) claims: &'static [Claim],
}

pub(super) const CHAPTERS: [Chapter; 14] = [
    Chapter {
        title: "Login",
        claims: &[
            claim("L1", "6.3", "A connection that does not begin with a login is dropped, and nothing is kept of it"),
            claim("L2", "11.12.4, 11.13.2", "Tags, CID and ISID come back; version 0 is spoken and no other (0205)"),
            claim("L3", "11.13.5, 13.21", "Missing names (0207), unknown (0203) and forbidden targets (0202) and strange session types (0209) are told apart"),
            claim("L4", "11.12.6, 11.13.3", "A session gets a handle that is not zero; an unknown handle is refused (020A)"),
            claim("L5", "6.3.5", "Session reinstatement: the old session is gone with all it held before the new login is answered, and of logins that race one session is left"),
            claim("L6", "6.3.4", "Connection reinstatement: the same handle and CID log the old connection out"),
            claim("L7", "11.13.5, 13.2", "A second connection is refused (0206) and the first does not notice"),
            claim("L8", "6.3, 11.12.3", "Stages go forward, when asked, and only where they exist"),
            claim("L9", "6.2, 11.12.2", "Login text over several PDUs is one text, answered once, and bounded by 64 KiB"),
            claim("L10", "6.2, 11.13.7", "An answer longer than a segment goes over several PDUs"),
            claim("L11", "13.9, 13.6", "The first response of a normal session names the portal group"),
            claim("L12", "11.12.8, 11.13.4", "StatSN counts responses; ExpCmdSN is the login's CmdSN"),
            claim("L13", "", "Slow logins are dropped and delay nobody").decided("15 s, `iscsi.login_timeout_seconds`"),
            claim("L14", "11.13.5", "A login is redirected (0101, 0102)").decided("`iscsi.redirect`; before the proof, which belongs to where the target is, and after the access rules"),
            claim("L15", "11.13.5", "A refusal reaches the initiator before the connection is closed"),
            claim("L16", "6.3.2, 12.1", "Demanded authentication cannot be declined or skipped (0201)"),
        ],
    },
    Chapter {
        title: "Keys",
        claims: &[
            claim("K1", "6.2", "Unknown keys are NotUnderstood"),
            claim("K2", "6.1", "Keys over 63 and values over 255 bytes are errors; nothing is cut"),
            claim("K3", "6.1", "Booleans are Yes and No; anything else is rejected"),
            claim("K4", "6.1, 13", "Numbers are decimal or hexadecimal and have ranges"),
            claim("K5", "6.2, 13", "Results are the minimum, the maximum, OR, AND or the first of the list, as each key says"),
            claim("K6", "13.14", "FirstBurstLength does not exceed MaxBurstLength, in whichever order they are said"),
            claim("K7", "6.2", "A key is negotiated once in a login (0200)").decided("names that are only said again, unchanged, are let pass: initiators in use do it"),
            claim("K8", "13.12", "Our MaxRecvDataSegmentLength is declared in every login").decided("1 MiB; 64 KiB in discovery sessions, which carry text only"),
            claim("K9", "13", "In discovery sessions keys of normal sessions are Irrelevant"),
            claim("K10", "13.25", "Markers are refused"),
            claim("K11", "13.23, 13.24", "iSCSIProtocolLevel and TaskReporting are understood").decided("level 2 (RFC 7144) at most, and RFC3720"),
            claim("K12", "4.2.7", "Names are compared without case; they have a form and at most 223 bytes"),
            claim("K13", "6.2", "Declarations are not answered, and a response that ends the login asks nothing"),
        ],
    },
    Chapter {
        title: "CHAP",
        claims: &[
            claim("C1", "12.1.3", "The keys come in their order, once, or the login fails"),
            claim("C2", "12.1.3", "CHAP_A is a list of numbers; MD5, SHA-1, SHA-256 and SHA3-256 are known"),
            claim("C3", "9.2.1", "Challenges are fresh and at least 16 bytes; a reflected one is refused"),
            claim("C4", "6.1, 12.1.3", "Binary values come as hexadecimal or base64 and have the right length"),
            claim("C5", "12.1.3", "CHAP_N is text, whatever it looks like"),
            claim("C6", "9.2.1", "Secrets have 12 to 255 bytes").decided("shorter ones are refused by the configuration, not only warned about"),
            claim("C7", "11.13.5", "Every failure is 0201, without a hint").decided("an unknown name costs the same hash over as many bytes as a wrong secret; what is computed is compared (`crates/iscsi/src/chap/tests.rs`), not the clock"),
            claim("C8", "6.3.2, 12.1.3", "T=1 does not leave out the proof"),
            claim("C9", "12.1.3", "We prove ourselves to those who have proved themselves, and to nobody else"),
            claim("C10", "4.3", "Discovery has its own terms").decided("no proof unless `iscsi.discovery` demands it: discovery shows only what the asker may log in to, and each login is judged"),
        ],
    },
    Chapter {
        title: "Numbering",
        claims: &[
            claim("N1", "4.2.2.1", "MaxCmdSN is never under ExpCmdSN - 1 and never goes back; watched in every exchange of every test"),
            claim("N2", "4.2.2.1", "A CmdSN outside the window is ignored, and the session lives"),
            claim("N3", "4.2.2.1", "Gaps are waited for, and commands run in order"),
            claim("N4", "4.2.2.1", "Immediate requests take no number, may carry any, and get through a closed window"),
            claim("N5", "4.2.2.2", "StatSN counts status and nothing else; watched in every exchange of every test"),
            claim("N6", "4.2.2", "Numbers wrap (RFC 1982)"),
            claim("N7", "7.2.1", "A command in progress that is sent again is one command"),
            claim("N8", "11.19", "A window that opens without a response is told by NOP-In"),
            claim("N9", "11.17.1", "A task tag in use is rejected, without harm to the task"),
        ],
    },
    Chapter {
        title: "Data-In",
        claims: &[
            claim("D1", "11.7", "DataSN from 0, contiguous, in segments that the initiator takes"),
            claim("D2", "11.7", "F ends each burst; S comes with the last F; TTT and LUN are reserved"),
            claim("D3", "11.3.4, 11.4.5", "Nothing is sent that nobody expects; the overflow is told"),
            claim("D4", "11.4.7", "Sense comes in a SCSI Response"),
        ],
    },
    Chapter {
        title: "Data-Out and R2T",
        claims: &[
            claim("R1", "11.8", "R2Ts are numbered, contiguous, and not longer than a burst"),
            claim("R2", "11.7", "A Data-Out without data is accepted"),
            claim("R3", "11.4.7.2, 13.11", "Immediate data that was not agreed fails the command").decided("CHECK CONDITION 0B/0C0C or 0B/0C0D, and the session lives"),
            claim("R4", "13.10", "Unsolicited data with InitialR2T=Yes fails the command").decided("as R3"),
            claim("R5", "4.2.5.2, 11.4.7.2", "Unsolicited data is as much as was agreed, or the command fails").decided("as R3"),
            claim("R6", "7.13, 11.7", "A wrong number, place or length is never GOOD, and nothing of it is written").decided("as R3"),
            claim("R7", "11.17.1", "Unknown tags are rejected, and the session lives"),
            claim("R8", "", "The LUN of Data-Out is not looked at: Windows does not set it"),
            claim("R9", "13.12", "A PDU over our segment length ends the connection").decided("close: what follows cannot be told from an attack"),
            claim("R10", "11.4.2", "A command that failed swallows its data before its status"),
            claim("R11", "4.2.2", "An R2T holds up neither pings nor text nor immediate commands"),
        ],
    },
    Chapter {
        title: "Residuals",
        claims: &[
            claim("U1", "11.4.5", "Underflow or overflow with its count, in Data-In and in Response"),
            claim("U2", "11.4.5", "Short and long tape blocks tell residual, ILI and INFORMATION"),
            claim("U3", "11.3.4, 11.4.5", "A write takes what its CDB says, and no more than was sent").decided("a block that was not sent whole is not written, CHECK CONDITION"),
        ],
    },
    Chapter {
        title: "Task management",
        claims: &[
            claim("T1", "11.5.1", "ABORT TASK ends a known task at once, also while data is awaited; an unknown one in the window counts as received, outside it does not exist"),
            claim("T2", "11.5.1", "Every function of RFC 7143 and of RFC 7144 is done or refused by its code; a cold reset ends the sessions").decided("CLEAR ACA is not supported: no ACA is ever established. The functions of RFC 7144 are not supported below iSCSIProtocolLevel 2. A query for what is not there is answered 0. After a cold reset initiators are told 29/00, as after a power-on"),
            claim("T3", "11.6.1", "Unknown LUNs (2) and functions (5) and TASK REASSIGN (4) have their responses"),
            claim("T4", "4.2.3.3, 11.5.1", "The response comes when the tasks have ended, and other initiators get their unit attention (2F/00, 29/03)").decided("29/03 after LOGICAL UNIT RESET and TARGET WARM RESET, told to every initiator; 29/07 after I_T NEXUS RESET, told to its own"),
            claim("T5", "4.2.3.3", "Task management does not wait for a motion to finish").decided("the motion goes on, its task is gone"),
            claim("T6", "13.23", "Tasks that were ended are never answered").decided("that includes writes of other sessions that wait for their data"),
        ],
    },
    Chapter {
        title: "NOP",
        claims: &[
            claim("P1", "11.18, 11.19", "A ping is echoed, up to what the initiator takes"),
            claim("P2", "", "Pings are answered during a motion, with a full window behind it, and between the PDUs of a burst").decided("within 50 ms in the 99th percentile, which `make bench` measures (bench/results); no test asserts speed"),
            claim("P3", "11.19", "A silent initiator is asked, any PDU counts as life, and silence ends the session").decided("asked after 15 s, dropped after 20 s more"),
        ],
    },
    Chapter {
        title: "Text and discovery",
        claims: &[
            claim("X1", "Appendix C", "SendTargets tells all or one in discovery sessions, the own target in normal ones").decided("All in a normal session is rejected, as appendix C says"),
            claim("X2", "Appendix C", "Targets that the initiator may not use are not shown"),
            claim("X3", "11.11", "A list longer than a segment goes over several PDUs"),
            claim("X4", "11.10.4, 11.11.4", "Exchanges are held together by their transfer tag; a wrong one is rejected"),
            claim("X5", "11.10, 13.12", "A new segment length holds from the end of its exchange"),
            claim("X6", "4.3, 11.14.1", "Discovery sessions take text, NOP and logout with reason 0"),
            claim("X7", "13.8, Appendix C", "The address in use comes first, then the others that the initiator can use; configured ones replace them"),
        ],
    },
    Chapter {
        title: "Logout, Reject, asynchronous messages",
        claims: &[
            claim("O1", "11.14, 11.15", "A logout is answered, the connection closed, and what was pending is not answered"),
            claim("O2", "11.15.1", "An unknown CID (1) and recovery (2) are refused"),
            claim("O3", "11.17", "Unknown opcodes are rejected (05), and the session lives"),
            claim("O4", "11.17", "A Reject is numbered and brings the header back"),
            claim("O5", "11.16", "SNACK is rejected: ErrorRecoveryLevel is 0"),
            claim("O6", "6.3", "A login in full feature phase is rejected"),
            claim("O7", "11.9.1", "A shut-down asks for logout (event 1) and waits for it; a change of LUNs is told by event 0 and by 3F/0E at every unit").decided("LUNs change with `capstan drive disable` and `enable`; the message names LUN 0, for it is about the target"),
        ],
    },
    Chapter {
        title: "Digests",
        claims: &[
            claim("G1", "11.2.3, 13.1", "Tape blocks of odd lengths go both ways with every combination of digests"),
            claim("G2", "7.8", "A header digest error ends the connection"),
            claim("G3", "7.8", "A data digest error is rejected (02), and the write fails").decided("Reject at once, CHECK CONDITION 0B/4705 after the last data"),
        ],
    },
    Chapter {
        title: "Error recovery",
        claims: &[
            claim("E1", "7.2.4, 11.16", "Nothing is sent again: SNACK is rejected"),
            claim("E2", "7.8", "No data is asked for twice: a write whose data came damaged fails"),
            claim("E3", "7.2.2, 11.5.1", "No task moves to another connection: TASK REASSIGN is refused (4)"),
            claim("E4", "7.4.1", "Nothing of a lost connection is taken up: its session ends with it"),
        ],
    },
    Chapter {
        title: "Bad peers",
        claims: &[
            claim("B1", "", "No bytes before a login hurt anybody"),
            claim("B2", "", "Announced lengths cost no memory: what may arrive is reserved, what arrives is allocated").decided("`iscsi.memory_max` (1 GiB) for all sessions, 64 MiB for one, of which it owns 2 MiB; a login that finds less is refused with 0302"),
            claim("B3", "", "Random PDUs and a thousand hostile sessions hurt only their senders"),
            claim("B4", "", "Half-open connections and connect storms keep nobody else out").decided("half-open connections displace each other, never a login that makes progress; places for 1024 logins, 256 for one address or /64"),
            claim("B5", "", "Whoever does not read, or stops in a long answer, loses its session alone").decided("Who holds memory that others wait for and moves less than 2 MiB in 20 s is dropped; else it may take its time"),
            claim("B6", "", "Bytes mean the same however they are split"),
            claim("B7", "", "A host that dies in a burst leaves nothing behind").decided("45 s after it vanished without a word nothing of a host is left; `tests/interop`, vanished_host, shows it with the kernel's initiator"),
            claim("B8", "", "What broke other targets breaks nothing here: CVE-2013-2850, CVE-2018-14633, CVE-2021-28361, CVE-2024-45751, and data out of place"),
        ],
    },
];
