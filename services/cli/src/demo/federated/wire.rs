//! A wire that can be cut: what is connected to it goes on to an address, until it is cut.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// The wire; it is gone when it is dropped.
#[derive(Debug)]
pub(super) struct Wire {
    at: SocketAddr,
    whole: watch::Sender<bool>,
    carrying: JoinHandle<()>,
}

impl Wire {
    /// A wire to an address.
    ///
    /// # Errors
    /// When no port is to be had.
    pub(super) async fn to(address: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let at = listener.local_addr()?;
        let (whole, state) = watch::channel(true);
        let carrying = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                if *state.borrow() {
                    tokio::spawn(carry(near, address, state.clone()));
                }
            }
        });
        Ok(Self { at, whole, carrying })
    }

    /// Where it begins.
    pub(super) const fn at(&self) -> SocketAddr {
        self.at
    }

    /// Cuts what is connected, and what would be.
    pub(super) fn cut(&self) {
        self.whole.send_replace(false);
    }

    /// Makes it whole again.
    pub(super) fn mend(&self) {
        self.whole.send_replace(true);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.carrying.abort();
    }
}

async fn carry(mut near: TcpStream, to: SocketAddr, mut whole: watch::Receiver<bool>) {
    let Ok(mut far) = TcpStream::connect(to).await else { return };
    tokio::select! {
        // Either side may end it.
        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
        _ = whole.wait_for(|whole| !whole) => {}
    }
}
