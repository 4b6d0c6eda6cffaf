/// Options about how results are shown.
enum OutputOptions {
  static let wide = Option(
    "wide",
    help: "tables with all their columns, however wide (default: what fits 80 columns or "
      + "the terminal)")
}
