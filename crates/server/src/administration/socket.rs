//! The socket of a running server in its data folder, where commands of its owner reach it.
//!
//! It lies in a folder that its owner alone may enter, and answers the same user and root.

use anyhow::Context;
use roadstead_api::administration::Administration;
use roadstead_api::{AdminSocket, bind_admin_socket};
use roadstead_registry::Background;
use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The socket, which is removed when the server ends in order.
pub(crate) struct Socket {
    path: PathBuf,
    server: AdminSocket,
}

/// Returns where the socket of a data folder is.
pub(crate) fn path_in(data: &Path) -> PathBuf {
    data.join("admin").join("socket")
}

impl Socket {
    /// Makes the socket. Whoever has the data folder open is the only one to do so: what lies there
    /// is left over from a server that was killed.
    pub(crate) fn open(data: &Path, administration: Arc<Administration>) -> anyhow::Result<Self> {
        let path = path_in(data);
        let cannot = || format!("cannot listen on {}", path.display());
        let folder = data.join("admin");
        match DirBuilder::new().mode(0o700).create(&folder) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(error).with_context(cannot);
            }
            _ => {}
        }
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).with_context(cannot);
            }
            _ => {}
        }
        let listener = UnixListener::bind(&path).with_context(cannot)?;
        let owner = rustix::process::geteuid().as_raw();
        let server = bind_admin_socket(listener, owner, administration).with_context(cannot)?;
        Ok(Self { path, server })
    }

    /// Answers until the background ends.
    pub(crate) fn serve(self, background: &Background) {
        let stop = background.stop();
        background.spawn(async move {
            if let Err(error) = self.server.run(stop.cancelled()).await {
                tracing::warn!(%error, "the socket of administrators failed");
            }
            // What is left over is replaced by the next server.
            let _ = std::fs::remove_file(&self.path);
        });
    }
}
