//! x
//! y
fn main() {}
