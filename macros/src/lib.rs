//! `#[afterlife::test]`: turns a scenario function into a test.
//! It wraps the function and leaves its body as it is.

use proc_macro::TokenStream;
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Expr, ItemFn, Lit, LitInt, Meta, MetaNameValue, Token, parse_macro_input};

struct Options {
    seeds: u64,
    reporter: Option<Expr>,
}

/// The default number of runs of a test: a few seconds.
const SEEDS: u64 = 100;

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut options = Self { seeds: SEEDS, reporter: None };
        while !input.is_empty() {
            let name: syn::Ident = input.parse()?;
            input.parse::<Token![=]>()?;
            if name == "seeds" {
                options.seeds = input.parse::<LitInt>()?.base10_parse()?;
            } else if name == "reporter" {
                options.reporter = Some(input.parse()?);
            } else {
                return Err(syn::Error::new(
                    name.span(),
                    "unknown option: write `seeds = N` or `reporter = EXPRESSION`",
                ));
            }
            if options.seeds == 0 {
                return Err(syn::Error::new(
                    name.span(),
                    "a test without seeds tests nothing: use `seeds = 1` or more",
                ));
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(options)
    }
}

/// Runs a scenario under `cargo test` or nextest.
///
/// The function takes `&mut afterlife::Sim`. `#[afterlife::test(seeds = 200)]` sets the number of runs, one for each seed;
/// the default is 100. `reporter = Tally::default()` adds a `Reporter` of your own, which receives the campaign.
///
/// A failing test prints its story and a token. With `AFTERLIFE_REPLAY=<token>` the test replays that one run.
#[proc_macro_attribute]
pub fn test(options: TokenStream, function: TokenStream) -> TokenStream {
    let options = parse_macro_input!(options as Options);
    let function = parse_macro_input!(function as ItemFn);
    expand(options, function).unwrap_or_else(syn::Error::into_compile_error).into()
}

fn expand(Options { seeds, reporter }: Options, function: ItemFn) -> syn::Result<proc_macro2::TokenStream> {
    let ItemFn { attrs, vis, sig, block, .. } = function;
    let name = &sig.ident;
    if let Some(keyword) = sig.asyncness {
        let why = format!(
            "a scenario is no `async fn`: it describes the run before anything runs. Write `fn {name}(sim: &mut Sim)`, and \
            put asynchronous code into nodes and clients: `sim.node(\"server\", |node| async move {{ … }})`"
        );
        return Err(syn::Error::new(keyword.span, why));
    }
    if sig.inputs.len() != 1 {
        let why = format!("a scenario takes the simulation that it describes: `fn {name}(sim: &mut Sim)`");
        return Err(syn::Error::new_spanned(&sig, why));
    }
    let inputs = &sig.inputs;
    let output = &sig.output;
    let text = name.to_string();
    let listing = listing(&text, seeds, &summary(&attrs));
    let reporter = match reporter {
        Some(reporter) => quote!(::afterlife::testing::run_with_reporter(&scenario, &TEST, || #reporter)),
        None => quote!(::afterlife::testing::run(&scenario, &TEST)),
    };
    Ok(quote! {
        #(#attrs)*
        #[test]
        #vis fn #name() {
            fn script(#inputs) #output #block
            static TEST: ::afterlife::testing::Test = ::afterlife::testing::Test {
                path: concat!(module_path!(), "::", #text),
                source: file!(),
                package: option_env!("CARGO_PKG_NAME"),
                folder: option_env!("CARGO_MANIFEST_DIR"),
                binary: option_env!("CARGO_BIN_NAME"),
                is_integration: option_env!("CARGO_TARGET_TMPDIR").is_some(),
                listing: #listing,
            };
            let scenario = ::afterlife::Scenario::new(#text, script).seeds(#seeds);
            #reporter;
        }
    })
}

/// The description of a test in the file of its binary, where `cargo afterlife list` looks for it: fields that end with a line feed,
/// between two marks.
fn listing(name: &str, seeds: u64, summary: &str) -> proc_macro2::TokenStream {
    let seeds = seeds.to_string();
    quote! {
        concat!(
            "\u{1}afterlife test 1\n", module_path!(), "::", #name, "\n", file!(), "\n", line!(), "\n", #seeds, "\n", #summary, "\n\u{2}"
        )
    }
}

/// The first paragraph of the documentation, on one line.
fn summary(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter(|attribute| attribute.path().is_ident("doc")).filter_map(|attribute| {
        let Meta::NameValue(MetaNameValue { value: Expr::Lit(literal), .. }) = &attribute.meta else { return None };
        let Lit::Str(text) = &literal.lit else { return None };
        Some(text.value().trim().to_owned())
    });
    let first: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    first.join(" ").replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::{Options, SEEDS, expand, summary};
    use syn::{ItemFn, parse_quote};

    fn refused(function: ItemFn) -> String {
        let options = Options { seeds: SEEDS, reporter: None };
        expand(options, function).expect_err("it is no scenario").to_string()
    }

    #[test]
    fn an_async_scenario_is_refused_with_what_to_write() {
        let refused = refused(parse_quote!(
            async fn orders(sim: &mut Sim) {}
        ));
        assert!(refused.contains("Write `fn orders(sim: &mut Sim)`"), "{refused}");
        assert!(refused.contains("`sim.node(\"server\", |node| async move { … })`"), "{refused}");
    }

    #[test]
    fn a_scenario_without_a_simulation_is_refused_with_what_to_write() {
        let refused = refused(parse_quote!(
            fn orders() {}
        ));
        assert!(refused.contains("`fn orders(sim: &mut Sim)`"), "{refused}");
    }
    #[test]
    fn the_summary_is_the_first_paragraph() {
        let function: ItemFn = parse_quote!(
            /// Whatever happens,
            /// an acked job runs.
            ///
            /// Details.
            fn orders(sim: &mut Sim) {}
        );
        assert_eq!(summary(&function.attrs), "Whatever happens, an acked job runs.");
    }
}
