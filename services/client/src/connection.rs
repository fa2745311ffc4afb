//! A connection of one service to a gateway.

use std::{future::Future, sync::Arc, time::Duration};

use samsyn_proto::{
    admin::v1::{
        backup_service_client::BackupServiceClient, cluster_service_client::ClusterServiceClient,
        link_service_client::LinkServiceClient, registry_service_client::RegistryServiceClient,
    },
    v1::{
        GetAccessRequest, PublishPictureRequest, PublishPictureResponse, WriteContext,
        access_service_client::AccessServiceClient, edition_service_client::EditionServiceClient,
        joint_picture_service_client::JointPictureServiceClient,
        message_service_client::MessageServiceClient, picture_service_client::PictureServiceClient,
    },
};
use tokio::sync::OnceCell;
use tonic::{Response, Status, service::interceptor::InterceptedService, transport::Channel};

use crate::{Profile, Refused, Trace, Traced, dial::Dial, probe::Obstacle, upload};

const CALL_MAX: Duration = Duration::from_secs(60);
/// The largest answer that is taken in.
const ANSWER_BYTES_MAX: usize = 80 * 1024 * 1024;
/// How often a call that may go through later is repeated, under the same idempotency key.
const TRIES_MAX: u32 = 10;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Why no connection came about.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The profile's endpoint or keys do not hold.
    #[error("the profile does not hold: {}; {}", .0.seen, .0.mend)]
    Profile(Obstacle),
    /// The gateway does not answer, or refuses the certificate.
    #[error(
        "cannot reach `{endpoint}`; is the gateway running, and does it know this certificate?"
    )]
    Unreachable {
        /// The gateway.
        endpoint: String,
        /// Why.
        #[source]
        why: tonic::transport::Error,
    },
}

/// What calls go over: a channel, with each call in a trace.
pub type Transport = InterceptedService<Channel, Traced>;

/// A connection; cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    /// Own pictures.
    pub pictures: PictureServiceClient<Transport>,
    /// The joint picture, its conflicts and events.
    pub joint: JointPictureServiceClient<Transport>,
    /// Editions.
    pub editions: EditionServiceClient<Transport>,
    /// Messages between functions.
    pub messages: MessageServiceClient<Transport>,
    /// Rights, disclosures, duties.
    pub access: AccessServiceClient<Transport>,
    /// The registry.
    pub registry: RegistryServiceClient<Transport>,
    /// The nodes of the domain.
    pub cluster: ClusterServiceClient<Transport>,
    /// Backups of the domain.
    pub backups: BackupServiceClient<Transport>,
    /// Links with other domains.
    pub links: LinkServiceClient<Transport>,
    profile: Profile,
    /// The domain's name, once it was asked for.
    domain: Arc<OnceCell<String>>,
}

impl Client {
    /// Connects with a profile.
    ///
    /// # Errors
    /// When the profile does not hold or the gateway cannot be reached.
    pub async fn connect(profile: &Profile) -> Result<Self, ConnectError> {
        Self::connect_in(profile, None).await
    }

    /// As [`Self::connect`]; all calls are in one trace, where one is given.
    ///
    /// # Errors
    /// When the profile does not hold or the gateway cannot be reached.
    pub async fn connect_in(profile: &Profile, trace: Option<Trace>) -> Result<Self, ConnectError> {
        let dial = Dial::new(profile).map_err(ConnectError::Profile)?;
        let connected = dial.connect().await;
        let channel = connected
            .map_err(|why| ConnectError::Unreachable { endpoint: profile.endpoint.clone(), why })?;
        let channel = InterceptedService::new(channel, Traced(trace));
        Ok(Self {
            pictures: PictureServiceClient::new(channel.clone())
                .max_decoding_message_size(ANSWER_BYTES_MAX),
            joint: JointPictureServiceClient::new(channel.clone())
                .max_decoding_message_size(ANSWER_BYTES_MAX),
            editions: EditionServiceClient::new(channel.clone())
                .max_decoding_message_size(ANSWER_BYTES_MAX),
            messages: MessageServiceClient::new(channel.clone())
                .max_decoding_message_size(ANSWER_BYTES_MAX),
            access: AccessServiceClient::new(channel.clone())
                .max_decoding_message_size(ANSWER_BYTES_MAX),
            registry: RegistryServiceClient::new(channel.clone())
                .max_decoding_message_size(ANSWER_BYTES_MAX),
            cluster: ClusterServiceClient::new(channel.clone()),
            backups: BackupServiceClient::new(channel.clone()),
            links: LinkServiceClient::new(channel),
            profile: profile.clone(),
            domain: Arc::default(),
        })
    }

    /// The profile it was made with.
    #[must_use]
    pub const fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Signs a publication that is not signed yet, when the profile holds the party's key.
    async fn sign(&self, request: &mut PublishPictureRequest) -> Result<(), Refused> {
        let Some(key) = self.profile.publisher_key.as_ref().filter(|_| request.manifest.is_none())
        else {
            return Ok(());
        };
        let domain = self.domain.get_or_try_init(|| async {
            let access = self.access.clone().get_access(GetAccessRequest {}).await;
            access.map(|access| access.into_inner().domain).map_err(Refused::from)
        });
        let manifest = key.manifest(domain.await?, request);
        // What lacks something goes as it is: the gateway names each fault with its field.
        request.manifest = manifest.ok();
        Ok(())
    }

    /// Publishes, signed when the profile holds a key for it, in several messages where it is too
    /// large for one; repeats under the same key while it may go through later.
    ///
    /// # Errors
    /// What the gateway refused.
    pub async fn publish(
        &self,
        mut request: PublishPictureRequest,
    ) -> Result<PublishPictureResponse, Refused> {
        self.sign(&mut request).await?;
        let Some(messages) = upload::messages(&request) else {
            return repeat(|| {
                let (mut pictures, request) = (self.pictures.clone(), request.clone());
                async move { pictures.publish_picture(request).await }
            })
            .await;
        };
        let uploaded = repeat(|| {
            let (mut pictures, messages) = (self.pictures.clone(), messages.clone());
            async move { pictures.upload_picture(tokio_stream::iter(messages)).await }
        });
        Ok(uploaded.await?.published.unwrap_or_default())
    }
}

/// Makes the same call again while it may go through later, with growing pauses. Only for calls
/// that carry an idempotency key or change nothing.
///
/// # Errors
/// What the gateway refused at last.
pub(crate) async fn repeat<T, F>(mut call: impl FnMut() -> F) -> Result<T, Refused>
where
    F: Future<Output = Result<Response<T>, Status>>,
{
    let mut pause = FIRST_PAUSE;
    let mut tries = 1;
    loop {
        let answer = tokio::time::timeout(CALL_MAX, call()).await;
        let answer = answer.unwrap_or_else(|_| Err(Status::deadline_exceeded("no answer in time")));
        match answer.map_err(Refused::from) {
            Ok(answer) => return Ok(answer.into_inner()),
            Err(refused) if tries < TRIES_MAX && refused.is_retryable() => {
                tokio::time::sleep(pause).await;
                pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
                tries += 1;
            }
            Err(refused) => return Err(refused),
        }
    }
}

/// A write context with a fresh idempotency key.
#[must_use]
pub fn write_context(role: &str) -> WriteContext {
    WriteContext {
        idempotency_key: uuid::Uuid::now_v7().to_string(),
        actor_role: role.to_owned(),
        actor_pseudonym: String::new(),
    }
}
