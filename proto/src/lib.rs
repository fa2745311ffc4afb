//! The protocol and the only conversions to and from it.

#[cfg(feature = "server")]
pub mod codec;
#[cfg(feature = "server")]
pub mod inbound;
mod reason;
#[cfg(feature = "server")]
pub mod sealed;
pub mod size;

pub use reason::{Code, Reason};

/// All descriptors of the public interface, for reflection and for tests that walk the model.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// Generated code is not ours to lint.
#[allow(
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    clippy::restriction,
    clippy::nursery,
    clippy::allow_attributes,
    reason = "generated"
)]
mod generated {
    pub(crate) mod v1 {
        tonic::include_proto!("samsyn.v1");
    }
    pub(crate) mod admin {
        tonic::include_proto!("samsyn.admin.v1");
    }
    pub(crate) mod log {
        tonic::include_proto!("samsyn.log.v1");
    }
    #[cfg(feature = "server")]
    pub(crate) mod raft {
        include!(concat!(env!("OUT_DIR"), "/raft/samsyn.raft.v1.rs"));
    }
    #[cfg(feature = "server")]
    pub(crate) mod link {
        tonic::include_proto!("samsyn.link.v1");
    }
    #[cfg(feature = "server")]
    pub(crate) mod server {
        include!(concat!(env!("OUT_DIR"), "/server/samsyn.v1.rs"));
    }
    #[cfg(feature = "server")]
    pub(crate) mod admin_server {
        include!(concat!(env!("OUT_DIR"), "/server/samsyn.admin.v1.rs"));
    }
}

/// The public interface, version 1.
pub mod v1 {
    #[cfg(feature = "server")]
    pub use crate::generated::server::{
        access_service_server, edition_service_server, joint_picture_service_server,
        message_service_server, picture_service_server,
    };
    pub use crate::generated::v1::*;
}

/// For operators and registrars.
pub mod admin {
    /// Version 1.
    pub mod v1 {
        pub use crate::generated::admin::*;
        #[cfg(feature = "server")]
        pub use crate::generated::admin_server::{
            backup_service_server, cluster_service_server, link_service_server,
            registry_service_server,
        };
    }
}

/// The log's own format.
pub mod log {
    pub use crate::generated::log::*;
}

/// What the nodes of a domain say to each other.
#[cfg(feature = "server")]
pub mod raft {
    pub use crate::generated::raft::*;
}

/// What domains say to each other.
#[cfg(feature = "server")]
pub mod link {
    pub use crate::generated::link::*;
}
