//! EXCHANGE MEDIUM (SMC-3). The senses are those of MOVE MEDIUM; an empty first destination is an empty
//! source.

use scsi::smc::ExchangeMedium;
use scsi::{Cdb, NexusId, Response};

use super::Changer;
use super::move_medium::answer;
use crate::library::{Asker, Exchange};

impl Changer {
    pub(super) fn exchange_medium(&self, nexus: NexusId, cdb: &Cdb) -> Response {
        let command = match ExchangeMedium::parse(cdb) {
            Ok(command) => command,
            Err(sense) => return sense.into(),
        };
        if let Err(sense) = self.check_transport(command.transport) {
            return sense.into();
        }
        let exchange = Exchange {
            source: command.source,
            first: command.first_destination,
            second: command.second_destination,
        };
        answer(self.robot.exchange(Asker::Initiator(nexus), exchange))
    }
}
