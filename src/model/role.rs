//! The role of a node: the name that the nodes of one group share. Signatures name roles, so that nodes that run the same code
//! break alike.

/// The name of a node without its number in its group: `master-2` has the role `master`.
pub(crate) fn role_of(node: &str) -> &str {
    match node.rsplit_once('-') {
        Some((role, number)) if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => role,
        _ => node,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_number_of_a_group_is_left_out() {
        assert_eq!(
            ["master-12", "job-queue", "db2", "cell-7-store-0"].map(role_of),
            ["master", "job-queue", "db2", "cell-7-store"]
        );
        assert_eq!(role_of("trailing-"), "trailing-");
    }
}
