//! Verifying an address, and replacing a forgotten password. The rule: what is answered does not depend on whose address it
//! is, or whether it is anyone's.

use super::accounts::password;
use crate::api::Api;
use crate::request::Request;
use crate::respond::{accepted, done};
use crate::routes::Answer;
use chat_core::wire::Fields;
use chat_core::{Email, Error};

pub(crate) async fn verify(api: &Api, mut request: Request) -> Answer {
    api.addresses.spend(&request, |left| &left.logins)?;
    let (email, code) = coded(&mut request.fields().await?)?;
    api.accounts()?.verify_email(email, &code).await?;
    Ok(done("the e-mail address is verified"))
}

pub(crate) async fn resend_code(api: &Api, mut request: Request) -> Answer {
    api.addresses.spend(&request, |left| &left.mails)?;
    api.accounts()?.request_verification(request.fields().await?.required("email")?);
    Ok(accepted("if an account waits for this address to be verified, a code is on its way"))
}

pub(crate) async fn forgot_password(api: &Api, mut request: Request) -> Answer {
    api.addresses.spend(&request, |left| &left.mails)?;
    api.accounts()?.request_reset(request.fields().await?.required("email")?);
    Ok(accepted("if an account has this address, a mail is on its way"))
}

pub(crate) async fn authorize(api: &Api, mut request: Request) -> Answer {
    api.addresses.spend(&request, |left| &left.logins)?;
    let (email, code) = coded(&mut request.fields().await?)?;
    api.accounts()?.check_reset(email, &code).await?;
    Ok(done("this code may reset the password"))
}

pub(crate) async fn reset_password(api: &Api, mut request: Request) -> Answer {
    api.addresses.spend(&request, |left| &left.logins)?;
    let mut fields = request.fields().await?;
    let (email, code) = coded(&mut fields)?;
    let new = password(&mut fields, "password")?;
    api.close_sessions(api.accounts()?.reset_password(email, &code, new).await?);
    Ok(done("the password is replaced"))
}

fn coded(fields: &mut Fields) -> Result<(Email, String), Error> {
    Ok((fields.required("email")?, fields.required("code")?))
}
