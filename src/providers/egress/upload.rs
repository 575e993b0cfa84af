//! Forms with files.

use bytes::Bytes;
use reqwest::multipart::{Form, Part};

use super::Fault;

/// A form: texts and files. Has no `Debug`: both are the user's.
#[derive(Clone, Default)]
pub(crate) struct Upload(Vec<(&'static str, Content)>);

#[derive(Clone)]
enum Content {
    Text(String),
    File { name: String, media_type: &'static str, bytes: Bytes },
}

impl Upload {
    pub(crate) fn text(&mut self, part: &'static str, text: String) {
        self.0.push((part, Content::Text(text)));
    }

    pub(crate) fn file(&mut self, part: &'static str, name: String, media_type: &'static str, bytes: Bytes) {
        self.0.push((part, Content::File { name, media_type, bytes }));
    }

    /// The same as the client sends it. The content of files is not copied.
    pub(crate) fn form(&self) -> Result<Form, Fault> {
        self.0.iter().try_fold(Form::new(), |form, (part, content)| match content {
            Content::Text(text) => Ok(form.text(*part, text.clone())),
            Content::File { name, media_type, bytes } => {
                let length = bytes.len() as u64;
                let file = Part::stream_with_length(bytes.clone(), length).file_name(name.clone());
                Ok(form.part(*part, file.mime_str(media_type).map_err(|_| Fault::NotSent)?))
            }
        })
    }
}
