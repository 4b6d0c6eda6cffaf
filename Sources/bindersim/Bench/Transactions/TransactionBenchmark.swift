/// What a whole transaction costs beyond its copy: in one thread, with fresh pages, between two
/// threads, and between two real processes beside the ways that the system offers.
struct TransactionBenchmark {
  let rounds: Int
  /// Bytes of memory that the messages come from, in turn.
  let pool: Int

  static let sizes = [88, 4 << 10, 64 << 10, 512 << 10]

  struct Row: BenchRow {
    let bytes: Int
    let mode: String
    let nsMedian: Double
    let ratioToMemcpy: Double
    /// Fresh pages against one bare call that populates the same.
    var ratioToPopulate: Double?
    /// Two threads' throughput against one's.
    var speedup: Double?

    static let header = [
      "mode", "bytes", "ns median", "above memcpy", "to memcpy", "to populate", "speedup",
    ]
    var cells: [String] {
      [
        mode, Format.grouped(bytes), Format.decimal(nsMedian),
        Format.decimal(nsMedian - nsMedian / ratioToMemcpy),
        Format.decimal(ratioToMemcpy, digits: 2),
        ratioToPopulate.map { Format.decimal($0, digits: 2) } ?? "",
        speedup.map { Format.decimal($0, digits: 2) } ?? "",
      ]
    }
  }

  func run() throws(CommandError) -> BenchReport<Row> {
    var rows: [Row] = []
    for bytes in Self.sizes {
      rows += try PathBenchmark(bytes: bytes, pool: pool).rows(rounds: rounds)
    }
    // The second processes are forked before this one has threads.
    for bytes in Self.sizes {
      let memcpy = rows.first { $0.bytes == bytes && $0.mode == "memcpy" }!.nsMedian
      rows += try TransportBenchmark(bytes: bytes).rows(rounds: rounds, memcpy: memcpy)
    }
    let memcpy = rows.first { $0.mode == "memcpy" }!
    rows += try ThreadBenchmark(bytes: memcpy.bytes).rows(rounds: rounds, memcpy: memcpy.nsMedian)
    return BenchReport(
      benchmark: "transactions", results: rows,
      notes: [
        "\(rounds) rounds; messages come in turn from \(Format.bytes(pool)) of memory",
        "memcpy: the bytes alone, from the same memory into a shared mapping",
        "resident: reserve, use pages, copy, commit, receive, read in place, free; fresh: the same "
          + "after all pages were reclaimed, which is not timed; populate: one bare call that gives "
          + "the same pages frames",
        "memcpy, resident, fresh and populate: thread CPU time, a region of 1,040,384 bytes",
        "between processes: wall time of a payload one way and a byte back; process_vm_readv goes "
          + "from the sender's memory straight into a region, the whole transaction included",
        "threads: wall time of one transaction of \(memcpy.bytes) bytes",
      ])
  }
}
