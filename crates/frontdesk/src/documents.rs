//! What is served beside the API.

use model::Model;
use rest::Documents;

pub(crate) fn of(_model: &Model) -> Documents {
    Documents::default()
}
