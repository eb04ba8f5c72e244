//! One function for each path. What they do is in [`crate::gateway`].

use std::sync::Arc;

use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use scsi::smc::DoorAction;

use super::error::{Kind, Problem};
use super::types::{
    Changer, Drive, Drop, DroppedSession, Element, ExchangeTapes, Fault, Keys, Load, Move, Moved,
    NewFault, NewTapes, Put, Reservation, Rewrapped, Session, Status, Tape, Trace, TraceQuery,
    Unload, WhichLibrary,
};
use crate::gateway::Gateway;
use crate::gateway::libraries::ServedLibrary;
use crate::gateway::targets::Device;
use crate::portal::sessions::Ending;

type Answer<T> = Result<Json<T>, Problem>;
type Body<T> = Result<Json<T>, JsonRejection>;
type Segment<T> = Result<Path<T>, PathRejection>;
type Which = Result<Query<WhichLibrary>, QueryRejection>;

/// Returns the router; whoever listens decides over which socket.
pub fn router(gateway: Arc<Gateway>) -> Router {
    Router::new()
        .route("/api/v1/status", get(status))
        .route("/api/v1/sessions", get(sessions))
        .route("/api/v1/sessions/{id}", get(session).delete(drop_session))
        .route("/api/v1/reservations", get(reservations))
        .route("/api/v1/reservations/{device}", delete(clear_reservation))
        .route("/api/v1/tapes", get(tapes).post(create_tapes))
        .route("/api/v1/tapes/{barcode}", get(tape).delete(delete_tape))
        .route("/api/v1/tapes/{barcode}/rewrap", post(rewrap_key))
        .route("/api/v1/tapes/{barcode}/crypto-erase", post(crypto_erase))
        .route("/api/v1/keys", get(keys))
        .route("/api/v1/changer/elements", get(elements))
        .route("/api/v1/changer/move", post(move_tape))
        .route("/api/v1/changer/exchange", post(exchange_tapes))
        .route("/api/v1/changer/import-export/open", post(open_station))
        .route("/api/v1/changer/import-export/close", post(close_station))
        .route("/api/v1/drives", get(drives))
        .route("/api/v1/drives/{number}", get(drive))
        .route("/api/v1/drives/{number}/load", post(load))
        .route("/api/v1/drives/{number}/unload", post(unload))
        .route("/api/v1/drives/{number}/disable", post(disable_drive))
        .route("/api/v1/drives/{number}/enable", post(enable_drive))
        .route("/api/v1/changer/put", post(put_tape))
        .route("/api/v1/faults", get(faults).post(add_fault))
        .route("/api/v1/faults/{which}", delete(clear_faults))
        .route("/api/v1/trace/{device}", get(trace))
        .fallback(unknown_path)
        .method_not_allowed_fallback(unknown_method)
        .layer(DefaultBodyLimit::max(BODY_SIZE_BYTES_MAX))
        .with_state(gateway)
}

/// With a library, its drives and changer alone; everything else is the gateway's.
async fn status(State(gateway): State<Arc<Gateway>>, which: Which) -> Answer<Status> {
    let Query(WhichLibrary { library }) =
        which.map_err(|rejection| Problem::new(Kind::BadRequest, rejection.body_text()))?;
    blocking(move || {
        let mut status = gateway.status()?;
        if let Some(name) = library {
            gateway.library(Some(&name))?;
            status.libraries.retain(|library| library.name == name);
        }
        Ok(status)
    })
    .await
}

async fn sessions(State(gateway): State<Arc<Gateway>>) -> Answer<Vec<Session>> {
    blocking(move || Ok(gateway.sessions())).await
}

async fn session(State(gateway): State<Arc<Gateway>>, path: Segment<u64>) -> Answer<Session> {
    let id = segment(path)?;
    blocking(move || gateway.session(id)).await
}

async fn drop_session(
    State(gateway): State<Arc<Gateway>>,
    path: Segment<u64>,
    query: Result<Query<Drop>, QueryRejection>,
) -> Answer<DroppedSession> {
    let id = segment(path)?;
    let Query(Drop { ask }) =
        query.map_err(|rejection| Problem::new(Kind::BadRequest, rejection.body_text()))?;
    let ending = if ask { Ending::Ask } else { Ending::Drop };
    blocking(move || gateway.drop_session(id, ending)).await
}

async fn reservations(State(gateway): State<Arc<Gateway>>) -> Answer<Vec<Reservation>> {
    blocking(move || Ok(gateway.reservations())).await
}

async fn clear_reservation(
    State(gateway): State<Arc<Gateway>>,
    which: Which,
    path: Segment<String>,
) -> Answer<Option<Reservation>> {
    let device = device(path)?;
    in_library(gateway, which, move |library| {
        library.clear_reservation(device)
    })
    .await
}

async fn tapes(State(gateway): State<Arc<Gateway>>, which: Which) -> Answer<Vec<Tape>> {
    in_library(gateway, which, ServedLibrary::tapes).await
}

async fn create_tapes(
    State(gateway): State<Arc<Gateway>>,
    which: Which,
    body: Body<NewTapes>,
) -> Answer<Vec<Tape>> {
    let new = parsed(body)?;
    in_library(gateway, which, move |library| library.create_tapes(new)).await
}

async fn tape(
    State(gateway): State<Arc<Gateway>>,
    which: Which,
    path: Segment<String>,
) -> Answer<Tape> {
    let barcode = segment(path)?;
    in_library(gateway, which, move |library| library.tape(&barcode)).await
}

async fn delete_tape(
    State(gateway): State<Arc<Gateway>>,
    which: Which,
    path: Segment<String>,
) -> Answer<()> {
    let barcode = segment(path)?;
    in_library(gateway, which, move |library| library.delete_tape(&barcode)).await
}

async fn keys(State(gateway): State<Arc<Gateway>>) -> Answer<Keys> {
    blocking(move || Ok(gateway.keys())).await
}

async fn rewrap_key(
    State(gateway): State<Arc<Gateway>>,
    which: Which,
    path: Segment<String>,
) -> Answer<Rewrapped> {
    let barcode = segment(path)?;
    in_library(gateway, which, move |library| library.rewrap_key(&barcode)).await
}

async fn crypto_erase(
    State(gateway): State<Arc<Gateway>>,
    which: Which,
    path: Segment<String>,
) -> Answer<Tape> {
    let barcode = segment(path)?;
    in_library(gateway, which, move |library| {
        library.crypto_erase(&barcode)
    })
    .await
}

async fn elements(State(gateway): State<Arc<Gateway>>, which: Which) -> Answer<Vec<Element>> {
    in_library(gateway, which, ServedLibrary::elements).await
}

async fn move_tape(
    State(gateway): State<Arc<Gateway>>,
    which: Which,
    body: Body<Move>,
) -> Answer<Moved> {
    let Move { from, to } = parsed(body)?;
    in_library(gateway, which, move |library| library.move_tape(from, to)).await
}

async fn exchange_tapes(
    State(gateway): State<Arc<Gateway>>,
    which: Which,
    body: Body<ExchangeTapes>,
) -> Answer<Vec<Moved>> {
    let wanted = parsed(body)?;
    in_library(gateway, which, move |library| {
        library.exchange_tapes(wanted)
    })
    .await
}

async fn open_station(State(gateway): State<Arc<Gateway>>, which: Which) -> Answer<Changer> {
    in_library(gateway, which, move |library| {
        library.move_station(DoorAction::Open)
    })
    .await
}

async fn close_station(State(gateway): State<Arc<Gateway>>, which: Which) -> Answer<Changer> {
    in_library(gateway, which, move |library| {
        library.move_station(DoorAction::Close)
    })
    .await
}

async fn drives(State(gateway): State<Arc<Gateway>>, which: Which) -> Answer<Vec<Drive>> {
    in_library(gateway, which, |library| Ok(library.drives())).await
}

async fn drive(
    State(gateway): State<Arc<Gateway>>,
    which: Which,
    path: Segment<u16>,
) -> Answer<Drive> {
    let number = segment(path)?;
    in_library(gateway, which, move |library| library.show_drive(number)).await
}

async fn load(
    State(gateway): State<Arc<Gateway>>,
    which: Which,
    path: Segment<u16>,
    body: Body<Load>,
) -> Answer<Moved> {
    let (number, load) = (segment(path)?, parsed(body)?);
    in_library(gateway, which, move |library| {
        library.load(number, &load.barcode)
    })
    .await
}

async fn unload(
    State(gateway): State<Arc<Gateway>>,
    which: Which,
    path: Segment<u16>,
    body: Body<Unload>,
) -> Answer<Moved> {
    let (number, unload) = (segment(path)?, parsed(body)?);
    in_library(gateway, which, move |library| {
        library.unload(number, unload.to)
    })
    .await
}

async fn disable_drive(
    State(gateway): State<Arc<Gateway>>,
    which: Which,
    path: Segment<u16>,
) -> Answer<Drive> {
    let number = segment(path)?;
    in_library(gateway, which, move |library| library.disable_drive(number)).await
}

async fn enable_drive(
    State(gateway): State<Arc<Gateway>>,
    which: Which,
    path: Segment<u16>,
) -> Answer<Drive> {
    let number = segment(path)?;
    in_library(gateway, which, move |library| library.enable_drive(number)).await
}

async fn put_tape(
    State(gateway): State<Arc<Gateway>>,
    which: Which,
    body: Body<Put>,
) -> Answer<Tape> {
    let Put { barcode, to } = parsed(body)?;
    in_library(gateway, which, move |library| {
        library.put_tape(&barcode, to)
    })
    .await
}

async fn faults(State(gateway): State<Arc<Gateway>>, which: Which) -> Answer<Vec<Fault>> {
    in_library(gateway, which, |library| Ok(library.faults())).await
}

async fn add_fault(
    State(gateway): State<Arc<Gateway>>,
    which: Which,
    body: Body<NewFault>,
) -> Answer<Fault> {
    let new = parsed(body)?;
    in_library(gateway, which, move |library| library.add_fault(new)).await
}

async fn clear_faults(
    State(gateway): State<Arc<Gateway>>,
    which: Which,
    path: Segment<String>,
) -> Answer<Vec<Fault>> {
    let faults = segment(path)?;
    in_library(gateway, which, move |library| library.clear_faults(&faults)).await
}

async fn trace(
    State(gateway): State<Arc<Gateway>>,
    path: Segment<String>,
    query: Result<Query<TraceQuery>, QueryRejection>,
) -> Answer<Trace> {
    let device = device(path)?;
    let Query(query) =
        query.map_err(|rejection| Problem::new(Kind::BadRequest, rejection.body_text()))?;
    let which = Ok(Query(WhichLibrary {
        library: query.library.clone(),
    }));
    in_library(gateway, which, move |library| library.trace(device, &query)).await
}

async fn unknown_path() -> Problem {
    Problem::new(Kind::NotFound, "there is nothing at this path").hint("see /api/v1/status")
}

async fn unknown_method() -> Problem {
    Problem::new(Kind::BadRequest, "this path does not know this method")
}

/// Runs `work` with the library that the request is about, on a thread that may wait.
async fn in_library<T: Send + 'static>(
    gateway: Arc<Gateway>,
    which: Which,
    work: impl FnOnce(&ServedLibrary) -> Result<T, Problem> + Send + 'static,
) -> Answer<T> {
    let Query(WhichLibrary { library }) =
        which.map_err(|rejection| Problem::new(Kind::BadRequest, rejection.body_text()))?;
    blocking(move || work(gateway.library(library.as_ref())?)).await
}

/// Runs `work` on a thread that may wait.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Answer<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result.map(Json),
        Err(error) => {
            tracing::error!("a request ended in a bug: {error}");
            Err(
                Problem::new(Kind::Internal, "the request ended in a bug of Capstan")
                    .hint("please report it with the daemon's log"),
            )
        }
    }
}

fn parsed<T>(body: Body<T>) -> Result<T, Problem> {
    body.map(|Json(value)| value)
        .map_err(|rejection| Problem::new(Kind::BadRequest, rejection.body_text()))
}

fn segment<T>(path: Segment<T>) -> Result<T, Problem> {
    path.map(|Path(value)| value)
        .map_err(|rejection| Problem::new(Kind::BadRequest, rejection.body_text()))
}

fn device(path: Segment<String>) -> Result<Device, Problem> {
    segment(path)?
        .parse()
        .map_err(|error: String| Problem::new(Kind::BadRequest, error))
}

/// No request is larger than a list of barcodes for every slot of the largest library.
const BODY_SIZE_BYTES_MAX: usize = 256 << 10;
