//! `capstan serve`: run the gateway in the foreground.

use anyhow::Context;
use clap::Args;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::Global;
use super::at_rest::AtRest;
use super::log::Log;
use super::show::say;
use crate::config::{GatewayName, ListenAddress, Overrides, Preset};
use crate::gateway::Gateway;

/// `capstan serve`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  capstan serve
  capstan serve --data /srv/tapes --listen 0.0.0.0 --listen [::]
  capstan serve --data /srv/gateway --preset tape-gateway
  capstan serve --config /etc/capstan/capstan.toml
  capstan serve --encryption-key /etc/capstan/tapes.key

SIGTERM and Ctrl-C end it in good order: commands in flight are finished, sessions are asked to log
out, and what hosts wrote is put on stable storage.")]
pub struct Serve {
    /// Address to listen on, with or without port; may be given several times
    #[arg(long, value_name = "ADDRESS")]
    listen: Vec<ListenAddress>,
    /// What the first start creates in an empty data directory
    #[arg(long, value_enum)]
    preset: Option<Preset>,
    /// The gateway's name in target names [default: made at the first start, then kept]
    #[arg(long)]
    name: Option<GatewayName>,
    /// What is logged: error, warn, info, debug, trace
    #[arg(long, value_name = "LEVEL")]
    log: Option<String>,
    /// Keys.
    #[command(flatten)]
    at_rest: AtRest,
}

impl Serve {
    /// Runs until a signal says stop.
    pub fn run(self, global: &Global) -> anyhow::Result<()> {
        let loaded = global.load(Overrides {
            data: None,
            name: self.name,
            preset: self.preset,
            listen: self.listen,
            log: self.log,
            encryption_keys: self.at_rest.encryption_key,
        })?;
        // Before the first thread starts: whoever signals us from now on gets an orderly end.
        let mut signals = Signals::new([SIGTERM, SIGINT]).context("cannot handle signals")?;
        let log = Log::start(&loaded.config.log);
        for warning in &loaded.warnings {
            tracing::warn!("{warning}");
        }
        crate::portal::descriptors::raise_limit();
        let gateway = Gateway::start(loaded.config)?;
        say(gateway.banner())?;
        if let Some(signal) = signals.forever().next() {
            let name = signal_hook::low_level::signal_name(signal).unwrap_or("signal");
            tracing::info!("{name}: shutting down");
        }
        let stopped = gateway.stop();
        log.tell_lost_lines();
        stopped
    }
}
