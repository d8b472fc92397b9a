#[tokio::main]
async fn main() -> std::io::Result<()> {
    package_name::serve().await
}
