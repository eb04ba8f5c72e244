//! How much is measured: what the command line says, and two defaults.

use std::path::PathBuf;

use clap::Args;

use crate::cell::{Compression, Data, Peer};

/// What is measured. What is not said is as the full run has it, or the quick one.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Options {
    /// The gateway's binary.
    #[arg(long, default_value = "target/release/capstan")]
    pub(crate) capstan: PathBuf,
    /// Where everybody keeps data while measured; the default is the temporary directory.
    #[arg(long)]
    pub(crate) directory: Option<PathBuf>,
    /// Three rounds of what is most telling instead of five of everything.
    #[arg(long)]
    pub(crate) quick: bool,
    /// How often everything is measured.
    #[arg(long)]
    rounds: Option<u32>,
    /// How much each drive writes and reads at a time with blocks of 256 KiB and more; a half of it
    /// with shorter ones, and with blocks of less than 64 KiB an eighth. Of several drives each moves
    /// half as much.
    #[arg(long, value_name = "MIB")]
    amount: Option<u64>,
    /// Block sizes in KiB; tgt takes no more than 1024.
    #[arg(long, value_delimiter = ',', value_name = "KIB")]
    blocks: Option<Vec<u64>>,
    /// How our drives compress; peers never do.
    #[arg(long, value_delimiter = ',', num_args = 0..)]
    compression: Option<Vec<Compression>>,
    /// What our drives write; peers get what is incompressible.
    #[arg(long, value_delimiter = ',')]
    data: Option<Vec<Data>>,
    /// Whom to measure as well; nobody when no name follows.
    #[arg(long, value_delimiter = ',', num_args = 0..)]
    peers: Option<Vec<Peer>>,
    /// How many commands at a time, besides one; 1 leaves this out.
    #[arg(long)]
    depth: Option<u64>,
    /// How many of our drives at once, besides one; 1 leaves this out.
    #[arg(long)]
    drives: Option<u16>,
    /// How many TEST UNIT READY are timed.
    #[arg(long)]
    round_trips: Option<u64>,
    /// Among how many blocks places are sought.
    #[arg(long, value_name = "BLOCKS")]
    places: Option<u32>,
    /// Over how many filemarks is spaced.
    #[arg(long)]
    filemarks: Option<u64>,
    /// How many small files are written.
    #[arg(long)]
    files: Option<u64>,
    /// How often a cartridge is unloaded and loaded.
    #[arg(long)]
    loads: Option<u64>,
    /// How often NOP and ABORT TASK are timed in each state of a busy gateway; 0 leaves that out.
    #[arg(long, value_name = "SAMPLES")]
    liveness: Option<usize>,
    /// Only steps whose name contains one of these; `--list` shows the names.
    #[arg(long, value_delimiter = ',', value_name = "PART")]
    pub(crate) only: Vec<String>,
    /// Name the steps of a round and do nothing.
    #[arg(long)]
    pub(crate) list: bool,
    /// Which source this is, for the report.
    #[arg(long)]
    pub(crate) revision: Option<String>,
    /// Write the report to this path with ".md" and ".json" added, too; what is measured goes to
    /// ".journal" at once.
    #[arg(long, value_name = "PATH")]
    pub(crate) output: Option<PathBuf>,
    /// Go on with a journal that an earlier run left.
    #[arg(long, requires = "output")]
    pub(crate) resume: bool,
}

/// What is measured, all of it said.
#[derive(Clone, Debug)]
pub(crate) struct Extent {
    pub(crate) rounds: u32,
    amount_mib: u64,
    pub(crate) blocks: Vec<u64>,
    pub(crate) compressions: Vec<Compression>,
    pub(crate) data: Vec<Data>,
    pub(crate) peers: Vec<Peer>,
    pub(crate) depth: u64,
    pub(crate) drives: u16,
    pub(crate) round_trips: u64,
    pub(crate) places: u32,
    pub(crate) filemarks: u64,
    pub(crate) files: u64,
    pub(crate) loads: u64,
    pub(crate) liveness: usize,
}

/// How much of everything a codec gets alone, and the longest stretch of data that does not repeat.
const POOL_MIB_MAX: u64 = 64;

impl Extent {
    /// Returns what `options` mean.
    pub(crate) fn new(options: &Options) -> Self {
        use Compression::{Lz4, Lzo, None, Zstd};
        let o = options.clone();
        let default = if o.quick {
            Self {
                rounds: 3,
                amount_mib: 128,
                blocks: vec![64, 256, 1024],
                compressions: vec![None, Lz4],
                data: vec![Data::Incompressible, Data::Text],
                peers: vec![Peer::TgtTuned, Peer::Istgt],
                depth: 1,
                drives: 4,
                round_trips: 1000,
                places: 1_000_000,
                filemarks: 10_000,
                files: 100,
                loads: 20,
                liveness: 200,
            }
        } else {
            Self {
                rounds: 5,
                amount_mib: 256,
                blocks: vec![10, 64, 256, 1024],
                compressions: vec![None, Lz4, Zstd, Lzo],
                data: vec![Data::Incompressible, Data::Text, Data::Zeros],
                peers: vec![Peer::Tgt, Peer::TgtTuned, Peer::Istgt],
                depth: 4,
                drives: 4,
                round_trips: 2000,
                places: 1_000_000,
                filemarks: 10_000,
                files: 300,
                loads: 50,
                liveness: 500,
            }
        };
        Self {
            rounds: o.rounds.unwrap_or(default.rounds),
            amount_mib: o.amount.unwrap_or(default.amount_mib).max(1),
            blocks: o.blocks.unwrap_or(default.blocks),
            compressions: o.compression.unwrap_or(default.compressions),
            data: o.data.unwrap_or(default.data),
            peers: o.peers.unwrap_or(default.peers),
            depth: o.depth.unwrap_or(default.depth),
            drives: o.drives.unwrap_or(default.drives),
            round_trips: o.round_trips.unwrap_or(default.round_trips),
            places: o.places.unwrap_or(default.places),
            filemarks: o.filemarks.unwrap_or(default.filemarks),
            files: o.files.unwrap_or(default.files),
            loads: o.loads.unwrap_or(default.loads),
            liveness: o.liveness.unwrap_or(default.liveness),
        }
    }

    /// Returns how much is moved in blocks of `kib`, in MiB.
    pub(crate) fn amount_mib(&self, kib: u64) -> u64 {
        let part = match kib {
            0..64 => 8,
            64..256 => 2,
            _ => 1,
        };
        (self.amount_mib / part).max(1)
    }

    /// Returns how long a pool of data is, in MiB: enough for a block of every size.
    pub(crate) fn pool_mib(&self) -> u64 {
        let longest = self.blocks.iter().max().copied().unwrap_or(0);
        self.amount_mib
            .min(POOL_MIB_MAX)
            .max(2 * longest.div_ceil(1024))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_blocks_move_less() {
        let extent = Extent::new(&Options::default());
        let amounts = [10, 64, 256, 1024].map(|kib| extent.amount_mib(kib));
        assert_eq!(amounts, [32, 128, 256, 256]);
        assert_eq!(extent.pool_mib(), 64);
    }
}
