/// What a whole transaction costs beyond its copy: in one thread, with fresh pages, in two
/// threads, and between two real processes, compared with the system's own transports.
struct TransactionBenchmark {
  let rounds: Int
  /// Bytes of memory that the messages come from, in turn.
  let pool: Int
  /// Bytes of a message.
  let sizes: [Int]
  let parts: [Part]
  let progress: BenchProgress

  enum Part: String, CaseIterable {
    case resident, fresh, processes, threads
  }

  static let sizes = [88, 4 << 10, 64 << 10, 512 << 10]

  struct Row: BenchRow {
    let bytes: Int
    let mode: String
    let nsMedian: Double
    let ratioToMemcpy: Double
    /// Fresh pages compared with a single system call that populates the same pages.
    var ratioToPopulate: Double?
    /// The throughput of two threads compared with that of one.
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
    var memcpy: [Double] = []
    for bytes in sizes where !Interrupt.wasRequested {
      progress.show("messages of \(Format.bytes(bytes))")
      let path = try PathBenchmark(bytes: bytes, pool: pool)
        .rows(rounds: rounds, withFresh: parts.contains(.fresh))
      memcpy.append(path[0].nsMedian)
      rows += path
    }
    // Fork the peers before this process has threads.
    if parts.contains(.processes) {
      for (bytes, memcpy) in zip(sizes, memcpy) where !Interrupt.wasRequested {
        progress.show("two processes, messages of \(Format.bytes(bytes))")
        rows += try TransportBenchmark(bytes: bytes).rows(rounds: rounds, memcpy: memcpy)
      }
    }
    if parts.contains(.threads) {
      for (bytes, memcpy) in zip(sizes, memcpy)
      where bytes <= ThreadBenchmark.longest && !Interrupt.wasRequested {
        progress.show("two threads, messages of \(Format.bytes(bytes))")
        rows += try ThreadBenchmark(bytes: bytes).rows(rounds: rounds, memcpy: memcpy)
      }
    }
    return BenchReport(
      benchmark: "transactions", results: rows,
      notes: [
        "\(rounds) rounds; messages come in turn from \(Format.bytes(pool)) of memory",
        "memcpy: the bytes alone, from the same memory into a shared mapping",
        "resident: reserve, use pages, copy, commit, receive, read in place, free; fresh: the same "
          + "after all pages were reclaimed, which is not timed; populate: one bare call that gives "
          + "as many pages frames",
        "populate, copy, read: that call, the bare copy, and one byte read through a second mapping: "
          + "what these cost without any engine",
        "memcpy to populate: thread CPU time, a region of 1,040,384 bytes",
        "between processes: wall time of a payload one way and a byte back; process_vm_readv goes "
          + "from the sender's memory straight into a region, the whole transaction included",
        "threads: wall time of one transaction, all threads' work taken together; two threads with a "
          + "context each share nothing, and two that only copy show what the machine itself gives",
      ])
  }
}
