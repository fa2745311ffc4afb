//! One of everything that concerns backups.

use samsyn_domain::{
    command::{BackUp, Command, Restore},
    row::{BackedUp, Restored, Row},
};

use super::examples::{self, NOW};

pub(super) fn commands() -> [Command; 2] {
    [
        Command::BackUp(BackUp { recipients: [6; 32] }),
        Command::Restore(Restore { id: [7; 32], from: 8, nodes: [1, 2].into() }),
    ]
}

pub(super) fn rows() -> [(&'static str, Row); 2] {
    let by = examples::service("stad/sdf");
    let backed_up = BackedUp { position: 8, at: NOW, by, recipients: [6; 32] };
    let restored = Restored { number: 1, id: [7; 32], from: 8, nodes: [1, 2].into(), at: NOW };
    [("backed_up", Row::BackedUp(backed_up)), ("restored", Row::Restored(restored))]
}
