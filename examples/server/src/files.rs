//! Files that hold secrets. The rule: a file is there whole or not at all, and only its owner may read it.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{Result, Write};
use std::path::{Path, PathBuf};

/// Puts a whole file there, or fails because there is one already.
pub(crate) fn put_new(path: &Path, contents: &[u8]) -> Result<()> {
    let draft = draft(path, contents)?;
    // A link appears whole or not at all, and never replaces another file.
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    linked?;
    sync_directory_of(path)
}

/// Puts a whole file there, in place of the one there may be.
pub(crate) fn put_whole(path: &Path, contents: &[u8]) -> Result<()> {
    let draft = draft(path, contents)?;
    fs::rename(&draft, path)?;
    sync_directory_of(path)
}

/// Makes the directory in which a file is to be, if there is none; a new one is for its owner only.
pub(crate) fn make_directory_of(path: &Path) -> Result<()> {
    let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) else { return Ok(()) };
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

fn draft(path: &Path, contents: &[u8]) -> Result<PathBuf> {
    let draft = PathBuf::from(format!("{}.{}.draft", path.display(), std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    if let Err(error) = file.write_all(contents).and_then(|()| file.sync_all()) {
        // On a full disk, half a file would take the room that the next one needs.
        let _ = fs::remove_file(&draft);
        return Err(error);
    }
    Ok(draft)
}

/// Makes the name of a file as durable as what is in it.
fn sync_directory_of(path: &Path) -> Result<()> {
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory)?.sync_all()
}
