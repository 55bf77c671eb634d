//! The built program, against a router in the process of the test.

mod help;
