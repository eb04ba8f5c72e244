//! Every PDU survives the wire, and stands there as the standard draws it.

use super::*;
use proptest::prelude::*;

/// Any header bytes that parse give a value that emits and parses to itself.
macro_rules! survives_the_wire {
    ($($name:ident: $type:ident,)*) => {
        proptest! {
            $(#[test]
            fn $name(mut bytes in prop::array::uniform32(any::<u8>()), tail in prop::array::uniform16(any::<u8>())) {
                bytes[0] = bytes[0] & 0x40 | Opcode::$type as u8;
                let mut all = [0; HEADER_LENGTH];
                all[..32].copy_from_slice(&bytes);
                all[32..].copy_from_slice(&tail);
                if let Ok(value) = $type::parse(&Header(all)) {
                    prop_assert_eq!($type::parse(&value.emit()), Ok(value));
                }
            })*
        }
    };
}

survives_the_wire! {
    scsi_command: ScsiCommand,
    data_out: DataOut,
    ready_to_transfer: ReadyToTransfer,
    login_request: LoginRequest,
    text_request: TextRequest,
    text_response: TextResponse,
    logout_request: LogoutRequest,
    logout_response: LogoutResponse,
    nop_out: NopOut,
    nop_in: NopIn,
    task_management_request: TaskManagementRequest,
    task_management_response: TaskManagementResponse,
    snack: Snack,
    reject: Reject,
    async_message: AsyncMessage,
    login_response: LoginResponse,
}

#[test]
fn residual_flags_and_count_survive_in_response_and_data_in() {
    for residual in [
        Residual::None,
        Residual::Underflow(7),
        Residual::Overflow(u32::MAX),
    ] {
        let response = ScsiResponse {
            response: 0,
            status: 2,
            task_tag: 9,
            counters: Counters::default(),
            expected_data_sn: SerialNumber(3),
            residual,
        };
        assert_eq!(ScsiResponse::parse(&response.emit()), Ok(response));
        let data = DataIn {
            is_final: true,
            acknowledge: false,
            has_status: true,
            status: 0,
            lun: [0; 8],
            task_tag: 9,
            transfer_tag: RESERVED_TAG,
            counters: Counters::default(),
            data_sn: SerialNumber(1),
            buffer_offset: 512,
            residual,
        };
        assert_eq!(DataIn::parse(&data.emit()), Ok(data));
    }
    let mut both = ScsiResponse {
        response: 0,
        status: 0,
        task_tag: 0,
        counters: Counters::default(),
        expected_data_sn: SerialNumber(0),
        residual: Residual::Overflow(1),
    }
    .emit();
    both.0[1] |= 0x02;
    assert!(ScsiResponse::parse(&both).is_err(), "never both (U1)");
}

#[test]
fn a_write_command_as_the_standard_draws_it() {
    #[rustfmt::skip]
    let bytes = [
        0x01,                   // SCSI Command, not immediate
        0xa1,                   // F, W, SIMPLE
        0, 0,
        0,                      // no additional header segments
        0x00, 0x02, 0x00,       // 512 bytes of immediate data
        0, 3, 0, 0, 0, 0, 0, 0, // LUN 3
        0, 0, 0, 0x11,          // initiator task tag
        0, 0, 0x08, 0,          // expected data transfer length 2048
        0, 0, 0, 0x20,          // CmdSN
        0, 0, 0, 0x30,          // ExpStatSN
        0x0a, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // WRITE(6), 2048 bytes
    ];
    let header = Header(bytes);
    assert_eq!(header.data_length(), 512);
    let command = ScsiCommand::parse(&header).unwrap();
    assert!(command.is_final && command.write && !command.read && !command.immediate);
    assert_eq!(command.attribute, 1);
    assert_eq!(command.lun, [0, 3, 0, 0, 0, 0, 0, 0]);
    assert_eq!((command.task_tag, command.expected_length), (0x11, 2048));
    assert_eq!(command.cmd_sn, SerialNumber(0x20));
    assert_eq!(command.cdb[0], 0x0a);
    let mut emitted = command.emit();
    emitted.set_data_length(512);
    assert_eq!(emitted, header);
}

#[test]
fn stages_go_forward_only() {
    let mut request = LoginRequest {
        immediate: true,
        transit: true,
        continues: false,
        current_stage: Stage::LoginOperationalNegotiation,
        next_stage_bits: 3,
        version_max: 0,
        version_min: 0,
        isid: Isid([0; 6]),
        tsih: Tsih(0),
        task_tag: 0,
        cid: 0,
        cmd_sn: SerialNumber(0),
        expected_stat_sn: SerialNumber(0),
    };
    assert_eq!(request.next_stage(), Ok(Some(Stage::FullFeaturePhase)));
    for bad in [0, 1, 2] {
        request.next_stage_bits = bad;
        assert!(request.next_stage().is_err(), "from 1 to {bad}");
    }
    request.transit = false;
    assert_eq!(
        request.next_stage(),
        Ok(None),
        "without T the field means nothing"
    );
}
