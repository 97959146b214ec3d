//! A router that can list its routes. Tests use this list.

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, on};
use leptos::server_fn::axum::server_fn_paths;
use leptos_axum::AxumRouteListing;

use crate::server::AppState;

/// A route: a method, and a path in which `{name}` matches one segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path.
    pub path: String,
}

/// The declared routes.
pub(super) struct Routes {
    router: Router<AppState>,
    list: Vec<Route>,
}

impl Routes {
    pub(super) fn new() -> Self {
        Self { router: Router::new(), list: Vec::new() }
    }

    pub(super) fn get<H: Handler<T, AppState>, T: 'static>(self, path: &str, handler: H) -> Self {
        self.route(Method::GET, MethodFilter::GET, path, handler)
    }

    pub(super) fn post<H: Handler<T, AppState>, T: 'static>(self, path: &str, handler: H) -> Self {
        self.route(Method::POST, MethodFilter::POST, path, handler)
    }

    pub(super) fn put<H: Handler<T, AppState>, T: 'static>(self, path: &str, handler: H) -> Self {
        self.route(Method::PUT, MethodFilter::PUT, path, handler)
    }

    pub(super) fn patch<H: Handler<T, AppState>, T: 'static>(self, path: &str, handler: H) -> Self {
        self.route(Method::PATCH, MethodFilter::PATCH, path, handler)
    }

    pub(super) fn delete<H: Handler<T, AppState>, T: 'static>(self, path: &str, handler: H) -> Self {
        self.route(Method::DELETE, MethodFilter::DELETE, path, handler)
    }

    fn route<H: Handler<T, AppState>, T: 'static>(
        mut self,
        method: Method,
        filter: MethodFilter,
        path: &str,
        handler: H,
    ) -> Self {
        self.list.push(Route { method, path: path.to_owned() });
        Self { router: self.router.route(path, on(filter, handler)), list: self.list }
    }

    /// Adds routes under a prefix.
    pub(super) fn nest(mut self, prefix: &str, routes: Self) -> Self {
        let below = |route: Route| Route { path: format!("{prefix}{}", route.path), ..route };
        self.list.extend(routes.list.into_iter().map(below));
        Self { router: self.router.nest(prefix, routes.router), list: self.list }
    }

    /// Adds the handler of the pages' server functions, and a route for each of these functions.
    pub(super) fn server_functions<H: Handler<T, AppState>, T: 'static>(mut self, path: &str, handler: H) -> Self {
        self.list.extend(server_fn_paths().map(|(path, method)| Route { method, path: path.to_owned() }));
        Self { router: self.router.route(path, on(MethodFilter::POST, handler)), list: self.list }
    }

    pub(super) fn into_router(self) -> Router<AppState> {
        self.router
    }

    /// Returns all routes, including those of the pages.
    pub(super) fn into_list(mut self, pages: &[AxumRouteListing]) -> Vec<Route> {
        let page = |page: &AxumRouteListing| Route { method: Method::GET, path: page.path().to_owned() };
        self.list.extend(pages.iter().map(page));
        self.list
    }
}
