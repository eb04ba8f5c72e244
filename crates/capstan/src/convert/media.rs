//! Which kind of cartridge a foreign one becomes.

use cartridge::Form;
use tape_formats::mhvtl::{Kind, Memory};
use tape_library::profile::Media;

/// Returns the kind of an mhvtl cartridge, and what to say when it was no LTO cartridge: then it becomes
/// `fallback`, the kind that the drives of its library take.
pub fn of_mhvtl(
    barcode: &str,
    memory: Option<&Memory>,
    fallback: &'static Media,
) -> (&'static Media, Option<String>) {
    let by_barcode = Media::of_barcode(barcode).map(|media| &**media);
    let Some(memory) = memory else {
        // A single file tells no more than its name.
        return (by_barcode.unwrap_or(fallback), None);
    };
    let form = match memory.kind {
        Kind::Data => Form::Data,
        Kind::Worm => Form::Worm,
        Kind::Cleaning => Form::Cleaning,
    };
    let is_ultrium = memory.description.starts_with("Ultrium");
    let by_density = Media::all()
        .iter()
        .find(|media| media.density == memory.density && media.form == Form::Data)
        .filter(|_| is_ultrium);
    let found = match (form, by_density) {
        (Form::Cleaning, _) => fallback.in_form(form),
        (_, Some(media)) => media.in_form(form),
        (_, None) => None,
    };
    if let Some(media) = found {
        return (media, None);
    }
    let media = fallback.in_form(form).map_or(fallback, |media| &**media);
    let was = match memory.description.as_str() {
        "" => format!("density {:02x}h", memory.density),
        description => description.to_owned(),
    };
    let remark = format!("was {was}, becomes {}", media.name);
    (media, Some(remark))
}

/// Returns the kind called `name`, or that of the barcode, or `fallback`.
pub fn named(
    name: Option<&str>,
    barcode: &str,
    fallback: &'static Media,
) -> anyhow::Result<&'static Media> {
    let Some(name) = name else {
        return Ok(Media::of_barcode(barcode).map_or(fallback, |media| media));
    };
    let found = Media::find(name).map(|media| &**media);
    found.ok_or_else(|| {
        let known: Vec<_> = Media::all().iter().map(|media| &*media.name).collect();
        anyhow::anyhow!(
            "media {name:?}: there is none of this name; known are {}",
            known.join(", ")
        )
    })
}
