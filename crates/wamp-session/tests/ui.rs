//! What the compiler says of handlers that are none.

#[test]
fn a_wrong_handler_is_explained() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
