//! What a collector that is at work all the while may have done to what the model knows, and what it
//! may never do.
//!
//! It may take a blob that no manifest of its repository names, a manifest that nothing names, and
//! finish what was left half done; and it brings a deleted blob back that a manifest names. It never
//! takes what was acknowledged a moment ago, nor what a manifest that is there names, nor what a
//! tag names.

use crate::campaign::register::{Name, Register};
use crate::campaign::world::{Object, Repository, World};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How the collector is set.
#[derive(Clone, Copy, Debug)]
pub struct Collecting {
    /// How long what was acknowledged is there at least, counted from its request.
    sure_for: Duration,
    /// When the store's clock last went ahead of the machine's: what was sure then is so no more.
    went_ahead: Instant,
}

impl Collecting {
    /// Leaves what was acknowledged alone for some time, counted from its request.
    #[must_use]
    pub fn new(sure_for: Duration) -> Self {
        Self {
            sure_for,
            went_ahead: Instant::now(),
        }
    }

    /// Returns since when what was acknowledged is surely there.
    fn sure_since(&self) -> Instant {
        let since = Instant::now().checked_sub(self.sure_for);
        since.map_or(self.went_ahead, |since| since.max(self.went_ahead))
    }
}

/// Why an object may not be missing: what names it, and since when that is known.
#[derive(Debug)]
pub(crate) struct Hold {
    object: Object,
    by: Option<Object>,
    asked: Instant,
}

impl World {
    /// Lets a collector be at work all the while.
    pub fn collect(&mut self, collecting: Collecting) {
        self.collecting = Some(collecting);
    }

    /// Notes that much time passes in the store while nobody works.
    pub fn let_time_pass(&mut self) {
        if let Some(collecting) = &mut self.collecting {
            collecting.went_ahead = Instant::now();
        }
    }

    /// Tells whether a collector may be the reason that an object was found so.
    pub(crate) fn may_be_collected(&self, object: &Object, found: Option<&Name>) -> bool {
        let Some(collecting) = self.collecting else {
            return false;
        };
        let register = self.register(object);
        match (object, found) {
            (Object::Blob(..), None) => {
                !register.is_some_and(|register| register.was_set_since(collecting.sure_since()))
            }
            (Object::Blob(repository, digest), Some(_)) => {
                let was_deleted = register.is_some_and(Register::was_ever_cleared);
                was_deleted && self.is_named(*repository, digest)
            }
            // The entry of a referrer goes before its manifest does, which no tag names then.
            (
                Object::Manifest(repository, digest) | Object::Referrer(repository, _, digest),
                None,
            ) => !self.is_tagged(*repository, digest),
            (Object::Manifest(..) | Object::Referrer(..), Some(_)) | (Object::Tag(..), _) => false,
        }
    }

    /// Says why an object may not be missing, if there is a reason.
    pub(crate) fn hold(&self, object: &Object) -> Option<Hold> {
        if self.was_ever_cleared(object) {
            return None;
        }
        let hold = |by| Hold {
            object: object.clone(),
            by,
            asked: Instant::now(),
        };
        let Some(collecting) = self.collecting else {
            return Some(hold(None));
        };
        let register = self.register(object)?;
        let holder = match object {
            Object::Blob(repository, digest) => self.holder(*repository, digest),
            Object::Manifest(repository, digest) if self.is_tagged(*repository, digest) => {
                Some(object.clone())
            }
            _ => None,
        };
        if holder.is_some() {
            return Some(hold(holder));
        }
        let is_blob = matches!(object, Object::Blob(..));
        let was_just_set = is_blob && register.was_set_since(collecting.sure_since());
        was_just_set.then(|| hold(None))
    }

    /// Tells whether the reason held all the time since it was asked for.
    pub(crate) fn still_holds(&self, hold: &Hold) -> bool {
        if self.was_ever_cleared(&hold.object) {
            return false;
        }
        let Some(collecting) = self.collecting else {
            return true;
        };
        match &hold.by {
            Some(Object::Manifest(repository, digest)) => {
                // Between two looks that are so close nothing is let go and collected.
                let is_close = hold.asked >= collecting.sure_since();
                is_close && self.is_tagged(*repository, digest)
            }
            Some(_) => false,
            None => {
                let register = self.register(&hold.object);
                register.is_some_and(|register| register.was_set_since(collecting.sure_since()))
            }
        }
    }

    /// Returns a manifest that a tag surely names and that names a blob.
    fn holder(&self, repository: Repository, blob: &Name) -> Option<Object> {
        let manifests = &self.repositories[repository].manifests;
        let holder = manifests.iter().find(|manifest| {
            let mut blobs = manifest.blobs.iter();
            blobs.any(|named| named.digest == *blob) && self.is_tagged(repository, &manifest.digest)
        })?;
        Some(Object::Manifest(repository, Arc::clone(&holder.digest)))
    }

    /// Tells whether a tag surely names a manifest.
    fn is_tagged(&self, repository: Repository, digest: &Name) -> bool {
        self.tags.iter().any(|tag| {
            let tag = Object::Tag(repository, Arc::clone(tag));
            let value = self.register(&tag).and_then(Register::sure);
            value.as_ref() == Some(digest)
        })
    }

    /// Tells whether any manifest that a repository ever got names a blob.
    fn is_named(&self, repository: Repository, blob: &Name) -> bool {
        let mut manifests = self.repositories[repository].manifests.iter();
        manifests.any(|manifest| manifest.blobs.iter().any(|named| named.digest == *blob))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::content::{Blob, Manifest};
    use crate::campaign::world::Kind;

    struct Pushed {
        world: World,
        blob: Arc<Blob>,
        object: Object,
        tag: Name,
    }

    /// A world with an acknowledged blob, of which a collector takes what it may after `sure_for`.
    fn pushed(sure_for: Duration) -> Pushed {
        let mut world = World::new("test", 1, 1);
        world.collect(Collecting::new(sure_for));
        let blob = Arc::new(Blob::draw(&mut fastrand::Rng::with_seed(1)));
        let ticket = world.begin_blob(Kind::PushBlob, 0, &blob, "push");
        world.acknowledge(&ticket);
        Pushed {
            object: Object::Blob(0, Arc::clone(&blob.digest)),
            tag: Arc::clone(&world.tags[0]),
            world,
            blob,
        }
    }

    fn push_image(pushed: &mut Pushed) -> Arc<Manifest> {
        let blobs = vec![Arc::clone(&pushed.blob)];
        let image = Manifest::image(&mut fastrand::Rng::with_seed(2), blobs, None);
        let image = Arc::new(image);
        let tags = [Arc::clone(&pushed.tag)];
        let world = &mut pushed.world;
        let ticket = world.begin_manifest_push(0, &image, &tags, "push");
        world.acknowledge(&ticket);
        image
    }

    #[test]
    fn a_blob_that_nothing_names_may_go_but_not_at_once() {
        let old = pushed(Duration::ZERO);
        assert!(old.world.may_be_collected(&old.object, None));
        assert!(old.world.hold(&old.object).is_none());
        let young = pushed(Duration::from_hours(1));
        assert!(!young.world.may_be_collected(&young.object, None));
        let hold = young.world.hold(&young.object).expect("it is young");
        assert!(young.world.still_holds(&hold));
        let mut world = young.world;
        world.let_time_pass();
        assert!(world.may_be_collected(&young.object, None));
    }

    #[test]
    fn what_a_tag_names_may_not_be_missing() {
        let mut pushed = pushed(Duration::ZERO);
        let image = push_image(&mut pushed);
        let world = &mut pushed.world;
        let manifest = Object::Manifest(0, Arc::clone(&image.digest));
        assert!(!world.may_be_collected(&manifest, None));
        world.collect(Collecting::new(Duration::from_hours(1)));
        let hold = world.hold(&pushed.object).expect("a tag names its image");
        assert!(world.still_holds(&hold));
        let ticket = world.begin_tag_delete(0, &pushed.tag, "delete");
        assert!(!world.still_holds(&hold));
        world.acknowledge(&ticket);
        assert!(world.may_be_collected(&manifest, None));
    }

    #[test]
    fn a_deleted_blob_comes_back_only_where_a_manifest_names_it() {
        let mut pushed = pushed(Duration::ZERO);
        let world = &mut pushed.world;
        let ticket = world.begin_blob(Kind::DeleteBlob, 0, &pushed.blob, "delete");
        world.acknowledge(&ticket);
        let digest = Arc::clone(&pushed.blob.digest);
        assert!(!world.may_be_collected(&pushed.object, Some(&digest)));
        push_image(&mut pushed);
        let world = &pushed.world;
        assert!(world.may_be_collected(&pushed.object, Some(&digest)));
    }

    #[test]
    fn a_tag_is_none_of_the_collectors_business() {
        let mut pushed = pushed(Duration::ZERO);
        push_image(&mut pushed);
        let tag = Object::Tag(0, Arc::clone(&pushed.tag));
        assert!(!pushed.world.may_be_collected(&tag, None));
    }
}
