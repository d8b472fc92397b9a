//! `#[afterlife::test]`: turns a scenario function into a test.
//! It wraps the function and never parses its body.

use proc_macro::TokenStream;
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::{ItemFn, LitInt, Token, parse_macro_input};

struct Options {
    seeds: u64,
}

/// How many runs a test makes unless it says otherwise: a few seconds' worth.
const SEEDS: u64 = 100;

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut options = Self { seeds: SEEDS };
        while !input.is_empty() {
            let name: syn::Ident = input.parse()?;
            input.parse::<Token![=]>()?;
            if name != "seeds" {
                return Err(syn::Error::new(name.span(), "only `seeds = N` can be said here"));
            }
            options.seeds = input.parse::<LitInt>()?.base10_parse()?;
            if options.seeds == 0 {
                return Err(syn::Error::new(name.span(), "a test with no seeds tests nothing: `seeds = 1` or more"));
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(options)
    }
}

/// Runs a scenario under `cargo test` (and nextest), over `seeds` runs.
///
/// The function takes `&mut afterlife::Sim`. On failure the test prints the story and a token; with
/// `AFTERLIFE_REPLAY=<token>` it replays that one run.
#[proc_macro_attribute]
pub fn test(options: TokenStream, function: TokenStream) -> TokenStream {
    let Options { seeds } = parse_macro_input!(options as Options);
    let ItemFn { attrs, vis, sig, block, .. } = parse_macro_input!(function as ItemFn);
    let name = &sig.ident;
    let inputs = &sig.inputs;
    let output = &sig.output;
    let text = name.to_string();
    quote! {
        #(#attrs)*
        #[test]
        #vis fn #name() {
            fn script(#inputs) #output #block
            ::afterlife::testing::run(
                &::afterlife::Scenario::new(#text, script).seeds(#seeds),
                ::afterlife::testing::path(concat!(module_path!(), "::", #text)),
                file!(),
            );
        }
    }
    .into()
}
