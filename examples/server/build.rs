//! Builds the server again when a file of the web client comes or goes, and unpacks the parts of Swagger UI that its page
//! needs.

use std::error::Error;
use std::io::{self, Cursor};
use std::path::PathBuf;
use std::{env, fs};
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::ZipArchive;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=web");
    println!("cargo:rerun-if-changed=swagger-ui");
    println!("cargo:rerun-if-changed=build.rs");
    let directory = PathBuf::from(env::var("OUT_DIR")?).join("swagger-ui");
    fs::create_dir_all(&directory)?;
    for file in fs::read_dir("swagger-ui")? {
        let file = file?;
        fs::copy(file.path(), directory.join(file.file_name()))?;
    }
    let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))?;
    for index in 0..archive.len() {
        let mut file = archive.by_index(index)?;
        let name = file.name()?.into_owned();
        if let Some(name) =
            ["swagger-ui-bundle.js", "swagger-ui.css"].iter().find(|wanted| name.ends_with(&format!("/dist/{wanted}")))
        {
            io::copy(&mut file, &mut fs::File::create(directory.join(name))?)?;
        }
    }
    Ok(())
}
