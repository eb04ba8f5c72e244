//! Reads everything on a cartridge, in order.

use anyhow::Context;
use bytes::Bytes;
use cartridge::{Cartridge, Decryption, EncryptionKey, Read};

use super::brake::Brake;
use super::digest::Digester;
use super::progress::Progress;

/// From this object on this key is needed.
pub struct KeyChange {
    /// The object.
    pub object: u64,
    /// The key; none for blocks in clear.
    pub key: Option<EncryptionKey>,
}

/// Reads the current partition from its beginning to its end into `digester`. `keys` has the changes of keys,
/// in order.
pub fn partition(
    cartridge: &mut Cartridge,
    keys: &[KeyChange],
    digester: &mut Digester,
    progress: &mut Progress,
    brake: &Brake,
) -> anyhow::Result<()> {
    let mut changes = keys.iter().peekable();
    let mut bytes = 0;
    cartridge.rewind()?;
    loop {
        let object = cartridge.position().object;
        while let Some(change) = changes.next_if(|change| change.object <= object) {
            let key = change.key.clone();
            cartridge.set_decryption(key.map_or(Decryption::Off, Decryption::Mixed));
        }
        brake.check()?;
        match cartridge.read_block().context("cannot be read again")? {
            Read::Block(block) => {
                digester.block(&block);
                bytes += Bytes::len(&block) as u64;
                progress.at(bytes);
            }
            Read::Filemark => digester.filemark(),
            Read::EndOfData => break,
        }
    }
    cartridge.set_decryption(Decryption::Off);
    Ok(())
}
