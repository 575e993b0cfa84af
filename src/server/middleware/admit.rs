//! Decides whether a request is let in.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use axum::{
    body::HttpBody,
    extract::{ConnectInfo, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{Site, client, content_type, cross_site, host};
use crate::{
    account::ClientAddr,
    model::error::{AppError, ErrorCode},
    server::problem::Problem,
};

pub(super) async fn admit(State(site): State<Arc<Site>>, mut request: Request, next: Next) -> Response {
    // A router without the accept loop, as in tests, knows no peer; nobody trusts this address.
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(peer)| peer.ip());
    let client = client::address(peer, request.headers(), &site.trusted_proxies);
    request.extensions_mut().insert(ClientAddr(client));

    match judge(&request, &site) {
        Ok(()) => next.run(request).await,
        Err(code) => Problem(AppError::new(code)).into_response(),
    }
}

fn judge(request: &Request, site: &Site) -> Result<(), ErrorCode> {
    let (uri, headers) = (request.uri(), request.headers());
    if !host::is_ours(uri, headers, &site.public_url) {
        return Err(ErrorCode::MisdirectedHost);
    }
    if !cross_site::is_allowed(request.method(), uri.path(), headers, site) {
        return Err(ErrorCode::CrossSite);
    }
    let has_body = !request.body().is_end_stream();
    if has_body && !content_type::is_declared(uri.path(), headers) {
        return Err(ErrorCode::UnsupportedMediaType);
    }
    Ok(())
}
