//! The process: configuration, identity, TLS, gRPC services, the status map.

mod app;
mod caller;
mod config;
mod denials;
mod page;
mod services;
mod status;
mod tls;

pub use app::{App, Error};
pub use config::{
    AnchorFiles, BadConfig, Checked, Config, ENVIRONMENT_PREFIX, Mode, SharedAnchorFiles,
    SharedService, TlsFiles,
};
pub use samsyn_ledger::Clock;
pub use tls::{Anchor, Limits, Part, ServerMaterial, SharedRow, SubjectAttribute, Tls, TlsError};
