//! Generates wire types, client stubs, server traits whose content-bearing responses are sealed,
//! and the table of error reasons.

use std::{env, error::Error, fs, path::PathBuf};

#[path = "build/reasons.rs"]
mod reasons;

/// Responses that carry content: on the server only a view makes one.
const SEALED: [&str; 27] = [
    "PublishPictureResponse",
    "UploadPictureResponse",
    "ValidatePictureResponse",
    "GetPictureResponse",
    "ListVersionsResponse",
    "CompareRevisionsResponse",
    "GetJointPictureResponse",
    "ExplainFindingResponse",
    "WatchEventsResponse",
    "ListEventsResponse",
    "ResolveConflictResponse",
    "ListRevisionsResponse",
    "OpenEditionResponse",
    "LockEditionResponse",
    "AnswerEditionResponse",
    "ReleaseEditionResponse",
    "GetEditionResponse",
    "ListEditionsResponse",
    "GetEditionReviewResponse",
    "ListDutiesResponse",
    "ListMeetingCollisionsResponse",
    "ListInboxResponse",
    "WatchInboxResponse",
    "GetMessageResponse",
    "ListThreadResponse",
    "TrackMessagesResponse",
    "GetAttachmentResponse",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=samsyn");
    println!("cargo:rerun-if-changed=errors.toml");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let table = reasons::generate(&fs::read_to_string("errors.toml")?)?;
    fs::write(out.join("reasons.rs"), table)?;

    // Encoded by the compiler itself: prost's own types would drop our field options.
    let mut compiler = protox::Compiler::new(["."])?;
    compiler.include_imports(true).include_source_info(true).open_files([
        "samsyn/v1/picture.proto",
        "samsyn/v1/joint_picture.proto",
        "samsyn/v1/edition.proto",
        "samsyn/v1/access.proto",
        "samsyn/admin/v1/registry.proto",
        "samsyn/admin/v1/cluster.proto",
        "samsyn/admin/v1/backup.proto",
        "samsyn/admin/v1/link.proto",
        "samsyn/v1/message.proto",
    ])?;
    fs::write(out.join("descriptors.bin"), compiler.encode_file_descriptor_set())?;
    let public = compiler.file_descriptor_set();
    let mut named = tonic_prost_build::Config::new();
    named.enable_type_names();
    tonic_prost_build::configure()
        .build_server(false)
        .compile_fds_with_config(public.clone(), named)?;
    server_traits(&out, public)?;

    let log = protox::compile(["samsyn/log/v1/log.proto"], ["."])?;
    // Ordered maps, so that equal messages have equal bytes.
    tonic_prost_build::configure()
        .build_client(false)
        .build_server(false)
        .btree_map(".")
        .compile_fds(log)?;

    // Beside the others: it would write the log's messages anew, which are external to it.
    let dir = out.join("raft");
    fs::create_dir_all(&dir)?;
    tonic_prost_build::configure()
        .extern_path(".samsyn.log.v1", "crate::log")
        .bytes(".samsyn.raft.v1.AppendedEntry.payload")
        .bytes(".samsyn.raft.v1.InstallSnapshotRequest.chunk")
        .out_dir(dir)
        .compile_fds(protox::compile(["samsyn/raft/v1/peer.proto"], ["."])?)?;
    tonic_prost_build::configure()
        .bytes(".samsyn.link.v1.Envelope")
        .bytes(".samsyn.link.v1.Part")
        .bytes(".samsyn.link.v1.Fetch")
        .compile_fds(protox::compile(["samsyn/link/v1/link.proto"], ["."])?)?;
    Ok(())
}

/// The server half has no messages of its own.
fn server_traits(
    out: &std::path::Path,
    mut set: prost_types::FileDescriptorSet,
) -> Result<(), Box<dyn Error>> {
    let dir = out.join("server");
    fs::create_dir_all(&dir)?;
    set.file.retain(|file| file.package().starts_with("samsyn."));
    let mut generator =
        tonic_prost_build::configure().build_client(false).codec_path("crate::codec::Codec");
    for name in SEALED {
        let sealed = format!("crate::sealed::Encoded<crate::v1::{name}>");
        generator = generator.extern_path(format!(".samsyn.v1.{name}"), sealed);
    }
    generator
        .extern_path(".samsyn.v1", "crate::v1")
        .extern_path(".samsyn.admin.v1", "crate::admin::v1")
        .out_dir(dir)
        .compile_fds(set)?;
    Ok(())
}
