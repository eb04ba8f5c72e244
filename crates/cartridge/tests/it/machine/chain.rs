//! What happens to the chain file of a [`World`] while nobody has the cartridge. It decides nothing, so what
//! is there afterwards is what is there after a kill, and nothing counts as lost.

use super::operation::Spoiling;
use super::world::World;

/// So many chain files are remembered, to be put back.
const CHAINS_MAX: usize = 12;
const HEAD_BYTES: usize = 256;

impl World {
    /// Remembers the chain file if it is a new one.
    pub(super) fn note_chain(&mut self) {
        if let Some(chain) = self.store.chain()
            && self.chains.last() != Some(&chain)
        {
            if self.chains.len() == CHAINS_MAX {
                // Some old ones stay.
                self.chains.remove(CHAINS_MAX / 2);
            }
            self.chains.push(chain);
            self.done.chains += 1;
        }
    }

    pub(super) fn spoil_chain(&mut self, spoiling: Spoiling, seed: u64) {
        self.cartridge = None;
        self.note_chain();
        let place = |length: usize| usize::try_from(seed).expect("64 bits") % length.max(1);
        let older = (!self.chains.is_empty()).then(|| &self.chains[place(self.chains.len())]);
        let chain = match (spoiling, self.store.chain()) {
            (Spoiling::Older, _) => older.cloned(),
            (Spoiling::Lost, _) | (_, None) => None,
            (Spoiling::Flipped, Some(mut chain)) => {
                let bit = place(8 * chain.len());
                if let Some(byte) = chain.get_mut(bit / 8) {
                    *byte ^= 1 << (bit % 8);
                }
                Some(chain)
            }
            (Spoiling::Cut, Some(mut chain)) => {
                chain.truncate(place(chain.len()));
                Some(chain)
            }
            (Spoiling::Spliced, Some(mut chain)) => {
                let older = older.expect("it was noted");
                chain.truncate(HEAD_BYTES);
                chain.extend_from_slice(older.get(HEAD_BYTES..).unwrap_or_default());
                Some(chain)
            }
        };
        self.store.put_chain(chain);
        let possible = self.truth.possible();
        self.load(&possible);
    }
}
