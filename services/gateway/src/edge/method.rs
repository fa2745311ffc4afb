//! Which methods there are, and of which kind: from the descriptors that reflection serves.

use std::collections::BTreeMap;

use prost::Message as _;
use prost_types::FileDescriptorSet;

/// How a method answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// One answer.
    Unary,
    /// One answer that may be waited for, as long as the caller asked.
    Waiting,
    /// A stream.
    Stream,
}

/// Long polls, by path.
const WAITING: [&str; 1] = ["/samsyn.v1.JointPictureService/ListEvents"];
/// What is served besides our own: health (gRPC health checking, v1) and reflection.
const OTHERS: [(&str, Kind); 4] = [
    ("/grpc.health.v1.Health/Check", Kind::Unary),
    ("/grpc.health.v1.Health/Watch", Kind::Stream),
    ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", Kind::Stream),
    ("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", Kind::Stream),
];

/// The methods by path.
#[derive(Debug)]
pub(crate) struct Methods(BTreeMap<String, Kind>);

impl Methods {
    /// Of a set of descriptors, encoded.
    ///
    /// # Errors
    /// When the set does not decode.
    pub(crate) fn of(descriptors: &[u8]) -> Result<Self, prost::DecodeError> {
        let set = FileDescriptorSet::decode(descriptors)?;
        let mut methods = BTreeMap::from(OTHERS.map(|(path, kind)| (path.to_owned(), kind)));
        for (file, service) in
            set.file.iter().flat_map(|file| file.service.iter().map(move |s| (file, s)))
        {
            for method in &service.method {
                let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                let kind = if method.server_streaming() {
                    Kind::Stream
                } else if WAITING.contains(&path.as_str()) {
                    Kind::Waiting
                } else {
                    Kind::Unary
                };
                methods.insert(path, kind);
            }
        }
        Ok(Self(methods))
    }

    /// Whether there is such a method.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }

    /// Whether a method answers with a stream.
    pub(crate) fn is_stream(&self, path: &str) -> bool {
        self.kind(path) == Some(Kind::Stream)
    }

    /// The kind of a method; none where there is no such method.
    pub(super) fn kind(&self, path: &str) -> Option<Kind> {
        self.0.get(path).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_known_with_their_kind() {
        let methods = Methods::of(samsyn_proto::DESCRIPTORS).unwrap();
        let kind = |path| methods.kind(path);
        assert_eq!(kind("/samsyn.v1.AccessService/GetAccess"), Some(Kind::Unary));
        assert_eq!(kind("/samsyn.v1.JointPictureService/WatchEvents"), Some(Kind::Stream));
        assert_eq!(kind("/samsyn.v1.PictureService/UploadPicture"), Some(Kind::Unary));
        assert_eq!(kind("/samsyn.admin.v1.RegistryService/GetRegistry"), Some(Kind::Unary));
        assert_eq!(kind(WAITING[0]), Some(Kind::Waiting));
        assert_eq!(kind("/samsyn.v1.AccessService/getaccess"), None);
        assert!(WAITING.iter().all(|path| kind(path).is_some()));
    }
}
