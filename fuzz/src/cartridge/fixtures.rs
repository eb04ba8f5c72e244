//! The cartridges that earlier versions wrote: every directory of `crates/cartridge/testdata`.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use cartridge::{
    Cartridge, Decryption, KeyEncryptionKey, KeyRing, MemoryStore, Read, SegmentName, SegmentStore,
};

use super::exercise::{host_key, settings};
use super::put;

/// What a file of a cartridge is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Label,
    Memory,
    Key,
    Chain,
    Segment(SegmentName),
}

/// A file of a cartridge.
#[derive(Clone, Debug)]
pub(super) struct File {
    pub(super) name: Name,
    pub(super) bytes: Vec<u8>,
}

/// The files of a cartridge and what is on it.
pub(super) struct Fixture {
    pub(super) files: Vec<File>,
    /// For each partition the objects; `None` where no key opens a block.
    contents: Vec<Vec<Option<Read>>>,
}

/// As they lie there, in the order of their names.
pub(super) static FIXTURES: LazyLock<Vec<Fixture>> = LazyLock::new(|| {
    let testdata = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/cartridge/testdata");
    let versions = sorted(&testdata).into_iter().filter(|path| path.is_dir());
    let directories = versions.flat_map(|version| sorted(&version));
    let fixtures: Vec<Fixture> = directories
        .map(|directory| Fixture::new(files_in(&directory)))
        .collect();
    assert!(fixtures.len() >= 6, "where are the fixtures?");
    fixtures
});

/// The same after they were loaded and unloaded once: sealed, and with a chain file.
pub(super) static UNLOADED: LazyLock<Vec<Fixture>> = LazyLock::new(|| {
    let unloaded = FIXTURES.iter().map(|fixture| {
        let store = store_of(&fixture.files);
        let loaded = Cartridge::open(Box::new(store.clone()), settings(3, &keys()));
        loaded.unwrap().0.unload().unwrap();
        Fixture::new(files_of(&store))
    });
    unloaded.collect()
});

/// The key-encryption key of the fixtures.
pub(super) fn keys() -> KeyRing {
    KeyRing::new([KeyEncryptionKey::new(&[0x4b; 32])])
}

fn sorted(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn files_in(directory: &Path) -> Vec<File> {
    let files = sorted(directory).into_iter().map(|path| File {
        name: match path.file_name().unwrap().to_str().unwrap() {
            "label" => Name::Label,
            "memory" => Name::Memory,
            "key" => Name::Key,
            "chain" => Name::Chain,
            other => Name::Segment(other.parse().unwrap()),
        },
        bytes: fs::read(&path).unwrap(),
    });
    files.collect()
}

fn files_of(store: &MemoryStore) -> Vec<File> {
    let chain = store.open_chain().unwrap().map(|mut chain| {
        let mut bytes = Vec::new();
        chain.read_to_end(&mut bytes).unwrap();
        bytes
    });
    let lines = [
        (Name::Label, store.read_label().unwrap()),
        (Name::Memory, store.read_memory().unwrap()),
        (Name::Key, store.read_key().unwrap()),
        (Name::Chain, chain),
    ];
    let lines = lines
        .into_iter()
        .filter_map(|(name, bytes)| Some((name, bytes?)));
    let segments = store.segments().unwrap().into_iter().map(|name| {
        let file = store.open_segment(name).unwrap();
        let mut bytes = vec![0; file.length().unwrap() as usize];
        file.read_at(&mut bytes, 0).unwrap();
        (Name::Segment(name), bytes)
    });
    let all = lines.chain(segments);
    all.map(|(name, bytes)| File { name, bytes }).collect()
}

/// Returns a store with these files.
pub(super) fn store_of(files: &[File]) -> MemoryStore {
    let mut store = MemoryStore::new();
    for File { name, bytes } in files {
        match name {
            Name::Label => store.replace_label(bytes).unwrap(),
            Name::Memory => store.replace_memory(bytes).unwrap(),
            Name::Key => store.replace_key(bytes).unwrap(),
            Name::Chain => store.replace_chain(bytes).unwrap(),
            Name::Segment(name) => put(&mut store, *name, bytes),
        }
    }
    store
}

impl Fixture {
    fn new(files: Vec<File>) -> Self {
        let store = Box::new(store_of(&files));
        let (mut cartridge, _) = Cartridge::open(store, settings(4, &keys())).unwrap();
        cartridge.set_decryption(Decryption::Mixed(host_key()));
        let mut contents = Vec::new();
        for partition in 0..cartridge.partitions() {
            cartridge.change_partition(partition).unwrap();
            let objects = (0..cartridge.end_of_data().object).map(|object| {
                cartridge.locate_block(object).unwrap();
                cartridge.read_block().ok()
            });
            contents.push(objects.collect());
        }
        Self { files, contents }
    }

    /// Fails when anything is served of the cartridge in `store` that was not written in its place. Returns
    /// for each partition how many objects there are and how many of them were read; `None` when the
    /// cartridge is refused.
    pub(super) fn check_served(
        &self,
        store: &MemoryStore,
        keys: &KeyRing,
    ) -> Option<Vec<(usize, usize)>> {
        let opened = Cartridge::open(Box::new(store.clone()), settings(5, keys));
        let (mut cartridge, _) = opened.ok()?;
        cartridge.set_decryption(Decryption::Mixed(host_key()));
        assert_eq!(usize::from(cartridge.partitions()), self.contents.len());
        let mut counts = Vec::new();
        for (partition, written) in (0..).zip(&self.contents) {
            cartridge.change_partition(partition).unwrap();
            let end = cartridge.end_of_data().object as usize;
            assert!(end <= written.len(), "{end} objects");
            let mut good = 0;
            for (object, written) in (0..).zip(&written[..end]) {
                cartridge.locate_block(object).unwrap();
                if let Ok(read) = cartridge.read_block() {
                    assert_eq!(Some(read), *written, "object {object}");
                    good += 1;
                }
            }
            cartridge.locate_block(end as u64).unwrap();
            assert_eq!(cartridge.position(), cartridge.end_of_data());
            counts.push((end, good));
        }
        Some(counts)
    }

    /// Returns what [`Fixture::check_served`] does when nothing is lost.
    pub(super) fn counts(&self) -> Vec<(usize, usize)> {
        let good = |objects: &Vec<Option<Read>>| objects.iter().flatten().count();
        let contents = self.contents.iter();
        contents
            .map(|objects| (objects.len(), good(objects)))
            .collect()
    }
}
