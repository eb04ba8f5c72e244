//! Random moves, compared with a map of places.

use super::*;
use crate::testing::result;

/// A small library, so that random moves meet full, empty, and foreign elements.
fn small() -> MachineSpec {
    let mut machine = Preset::TapeGateway.machine();
    machine.drives = vec!["ibm-ult3580-td5".into(), "ibm-ult3580-td6".into()];
    machine.storage_elements = 3;
    machine.import_export_elements = 2;
    machine.new_cartridges = crate::profile::NewCartridgesGo::Storage;
    machine
}

#[derive(Clone, Debug)]
enum Step {
    /// By MOVE MEDIUM or by the API, from and to one of the names in [`PLACES`].
    Move {
        by_cdb: bool,
        from: usize,
        to: usize,
    },
    /// By EXCHANGE MEDIUM or by the API.
    Exchange {
        by_cdb: bool,
        elements: [usize; 3],
    },
    Reopen,
}

const PLACES: [&str; 8] = [
    "slot:1", "slot:2", "slot:3", "ie:1", "ie:2", "drive:0", "drive:1", "picker:0",
];

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => (any::<bool>(), 0..PLACES.len(), 0..PLACES.len())
            .prop_map(|(by_cdb, from, to)| Step::Move { by_cdb, from, to }),
        10 => (any::<bool>(), [0..PLACES.len(), 0..PLACES.len(), 0..PLACES.len()])
            .prop_map(|(by_cdb, elements)| Step::Exchange { by_cdb, elements }),
        1 => Just(Step::Reopen),
    ]
}

/// What the library should be: a map of places.
#[derive(Default)]
struct Model {
    barcodes: BTreeMap<&'static str, &'static str>,
    sources: BTreeMap<&'static str, &'static str>,
}

impl Model {
    /// Moves, or says with which additional sense a move is refused.
    fn step(&mut self, from: &'static str, to: &'static str) -> Result<(), AdditionalSense> {
        if from.starts_with("picker") || to.starts_with("picker") {
            return Err(AdditionalSense::INVALID_ELEMENT_ADDRESS);
        }
        let Some(barcode) = self.barcodes.get(from).copied() else {
            return Err(AdditionalSense::MEDIUM_SOURCE_ELEMENT_EMPTY);
        };
        if self.barcodes.contains_key(to) {
            return Err(AdditionalSense::MEDIUM_DESTINATION_ELEMENT_FULL);
        }
        if !fits(barcode, to) {
            return Err(AdditionalSense::INCOMPATIBLE_MEDIUM_INSTALLED);
        }
        self.barcodes.remove(from);
        self.barcodes.insert(to, barcode);
        if from.starts_with("slot") {
            self.sources.insert(barcode, from);
        }
        Ok(())
    }
}

impl Model {
    /// Exchanges, or says with which additional sense that is refused.
    fn exchange(
        &mut self,
        [source, first, second]: [&'static str; 3],
    ) -> Result<(), AdditionalSense> {
        if [source, first, second]
            .iter()
            .any(|place| place.starts_with("picker"))
        {
            return Err(AdditionalSense::INVALID_ELEMENT_ADDRESS);
        }
        let (Some(one), Some(other)) = (
            self.barcodes.get(source).copied(),
            self.barcodes.get(first).copied(),
        ) else {
            return Err(AdditionalSense::MEDIUM_SOURCE_ELEMENT_EMPTY);
        };
        if first == source || second != source && self.barcodes.contains_key(second) {
            return Err(AdditionalSense::MEDIUM_DESTINATION_ELEMENT_FULL);
        }
        if !fits(one, first) || !fits(other, second) {
            return Err(AdditionalSense::INCOMPATIBLE_MEDIUM_INSTALLED);
        }
        self.barcodes.remove(source);
        self.barcodes.insert(first, one);
        self.barcodes.insert(second, other);
        for (barcode, from) in [(one, source), (other, first)] {
            if from.starts_with("slot") {
                self.sources.insert(barcode, from);
            }
        }
        Ok(())
    }
}

/// Drive 0 is of generation 5 and the one LTO-6 cartridge does not fit.
fn fits(barcode: &str, place: &str) -> bool {
    place != "drive:0" || !barcode.ends_with("L6")
}

fn compare(bench: &Bench, model: &Model) {
    for element in bench.library.elements() {
        let name = element.name.to_string();
        let barcode = element.cartridge.as_ref().map(|record| &*record.barcode);
        assert_eq!(barcode, model.barcodes.get(&*name).copied(), "{name}");
        if let Some(record) = &element.cartridge {
            let source = model.sources.get(&*record.barcode).copied();
            assert_eq!(record.source, source.map(|name| bench.address(name)));
            assert_eq!(
                record.archive_intent.is_some(),
                name.starts_with("ie"),
                "{name}"
            );
        }
    }
    for bay in bench.library.drives() {
        let name = format!("drive:{}", bay.number());
        let expected = model.barcodes.get(&*name).copied();
        assert_eq!(bay.status().barcode.as_deref(), expected, "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn library_moves_like_a_map_of_elements(steps in prop::collection::vec(step(), 1..60)) {
        let mut bench = Bench::with_machine(Preset::TapeGateway, small());
        bench.library.create_cartridges(&list(&["AAA001L5", "BBB002L5"])).unwrap();
        let mut newer = list(&["CCC003L6"]);
        newer.media = Some("LTO-6".into());
        bench.library.create_cartridges(&newer).unwrap();
        let mut model = Model::default();
        model.barcodes.extend([
            ("slot:1", "AAA001L5"),
            ("slot:2", "BBB002L5"),
            ("slot:3", "CCC003L6"),
        ]);
        for step in steps {
            match step {
                Step::Reopen => bench = bench.reopen(),
                Step::Exchange { by_cdb, elements } => {
                    let names = elements.map(|index| PLACES[index]);
                    let [source, first, second] = names.map(|name| bench.address(name));
                    let expected = model.exchange(names);
                    if by_cdb {
                        let mut cdb = [0xa6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
                        for (field, address) in [(4, source), (6, first), (8, second)] {
                            cdb[field..field + 2].copy_from_slice(&address.0.to_be_bytes());
                        }
                        let exchanged = result(&bench.initiator("a").changer(&cdb));
                        let exchanged = exchanged.map_err(|(_, additional)| additional);
                        prop_assert_eq!(exchanged, expected, "{:?}", names);
                    } else {
                        let exchange = Exchange { source, first, second };
                        let exchanged = bench.library.exchange(exchange);
                        prop_assert_eq!(exchanged.is_ok(), expected.is_ok(), "{:?}", names);
                    }
                }
                Step::Move { by_cdb, from, to } => {
                    let (from, to) = (PLACES[from], PLACES[to]);
                    let expected = model.step(from, to);
                    if by_cdb {
                        let initiator = bench.initiator("a");
                        let moved = initiator.move_medium(bench.address(from), bench.address(to));
                        prop_assert_eq!(moved.map_err(|(_, additional)| additional), expected);
                    } else {
                        prop_assert_eq!(bench.try_move(from, to).is_ok(), expected.is_ok());
                    }
                }
            }
            compare(&bench, &model);
        }
    }
}
