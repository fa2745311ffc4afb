//! The process: configuration, identity, TLS, gRPC services, the status map.

mod alarms;
mod app;
mod attachments;
pub mod backup;
mod caller;
mod config;
mod denials;
mod edge;
#[cfg(fuzzing)]
pub mod fuzzing;
mod links;
mod nodes;
mod operations;
mod page;
mod reload;
mod services;
mod status;
mod telemetry;
mod threads;
mod tls;

pub use app::{App, Error};
pub use config::{
    AnchorFiles, Apart, Attachments, Backup, BadConfig, Checked, Cluster, Config,
    ENVIRONMENT_PREFIX, Limits, Link, Mode, Operations, Other, SharedAnchorFiles, SharedService,
    TlsFiles,
};
pub use links::BadLink;
pub use nodes::BadNode;
pub use reload::Reload;
pub use samsyn_ledger::Clock;
pub use telemetry::{LogFormat, NoTelemetry, Telemetry};
pub use tls::{
    Anchor, Limits as ConnectionLimits, Part, ServerMaterial, SharedRow, SubjectAttribute, Tls,
    TlsError,
};
