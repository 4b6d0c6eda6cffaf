internal import BinderBuffer
internal import Glibc
internal import PageAlloc

/// Many processes in one run, and a long run whose memory stays flat.
struct ScaleBenchmark {
  let processes: Int
  let transactions: Int
  let progress: BenchProgress

  struct Row: BenchRow {
    let name: String
    let value: Double
    let unit: String

    static let header = ["what", "value", "unit"]
    var cells: [String] { [name, Format.decimal(value), unit] }
  }

  func run() throws(CommandError) -> BenchReport<Row> {
    let previous = try limitOpenFiles(to: 1024)
    defer { _ = try? limitOpenFiles(to: previous) }
    var rows: [Row] = []
    progress.show("\(Format.grouped(processes)) processes")
    rows += try measureProcesses()
    guard !Interrupt.wasRequested else { return report(rows) }
    rows += try measureMetadata()
    progress.show("\(Format.grouped(transactions)) transactions")
    rows += try measureLongRun()
    return report(rows)
  }

  private func report(_ rows: [Row]) -> BenchReport<Row> {
    BenchReport(
      benchmark: "scale", results: rows,
      notes: [
        "\(Format.grouped(processes)) processes with regions of 1 MiB, at most 1,024 open files",
        "idle: resident memory beyond the pages that buffers have touched",
        "metadata: resident memory of a range allocator with 10,000 buffers, policy rust",
      ])
  }

  /// Sets the soft limit and returns the previous one.
  private func limitOpenFiles(to limit: UInt) throws(CommandError) -> UInt {
    var limits = rlimit()
    let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    unsafe getrlimit(resource, &limits)
    let previous = limits.rlim_cur
    limits.rlim_cur = min(limit, limits.rlim_max)
    guard unsafe setrlimit(resource, &limits) == 0 else {
      throw .failure("cannot limit open files: \(SystemError.message(errno))")
    }
    return previous
  }

  private func measureProcesses() throws(CommandError) -> [Row] {
    let context = Context()
    var servers: [BinderProcess] = []
    servers.reserveCapacity(processes)
    do throws(BinderError) {
      let client = try context.makeProcess(pid: Int32(processes + 1))
      let before = ProcFile.residentBytes
      let start = CPUClock.now()
      for pid in 1...processes where !Interrupt.wasRequested {
        servers.append(try context.makeProcess(pid: Int32(pid), regionLength: 1 << 20))
      }
      let creation = Double(CPUClock.now() - start) / 1000 / Double(max(1, servers.count))
      let created = ProcFile.residentBytes
      let mappings = ProcFile.mappings
      let descriptors = ProcFile.descriptors

      // Every process gets one message, and is then idle with one page touched.
      let message = [UInt8](repeating: 1, count: 88)
      for server in servers {
        try client.send(message, to: server.makeNode())
        guard let delivery = try server.receive() else { continue }
        delivery.withData { precondition($0[0] == 1) }
      }
      let used = ProcFile.residentBytes
      let start2 = MonotonicClock.now()
      let reclaimed = context.reclaim()
      let reclaim = Double(MonotonicClock.now() - start2) / 1000 / Double(max(1, reclaimed))
      // A touched page counts in both of its mappings.
      let touched = processes * Page.size
      return [
        Row(name: "creation", value: creation, unit: "µs for each process"),
        Row(name: "mappings", value: Double(mappings), unit: "in all"),
        Row(name: "descriptors", value: Double(descriptors), unit: "open"),
        Row(name: "idle, new", value: perProcess(created - before), unit: "bytes for each process"),
        Row(
          name: "idle, after one message", value: perProcess(used - before - 2 * touched),
          unit: "bytes for each process"),
        Row(name: "reclaim", value: reclaim, unit: "µs for each page, one in each process"),
      ]
    } catch {
      throw .failure("process \(servers.count + 1): \(error)")
    }
  }

  private func perProcess(_ bytes: Int) -> Double { Double(bytes) / Double(processes) }

  private func measureMetadata() throws(CommandError) -> [Row] {
    do throws(RangeError) {
      // The first run brings code and heap into memory; the second is measured.
      var resident = 0
      for _ in 0..<2 {
        let before = ProcFile.residentBytes
        var ranges = try RangeAllocator<Void>(length: 4 << 20, policy: .rust)
        for _ in 0..<10_000 { _ = try ranges.reserve(128) }
        resident = ProcFile.residentBytes - before
        precondition(ranges.bufferCount == 10_000)
      }
      return [
        Row(name: "metadata", value: Double(resident) / 10_000, unit: "bytes for each live buffer")
      ]
    } catch {
      throw .failure("\(error)")
    }
  }

  private func measureLongRun() throws(CommandError) -> [Row] {
    let context = Context()
    do throws(BinderError) {
      let server = try context.makeProcess(pid: 1, regionLength: 1 << 20)
      let client = try context.makeProcess(pid: 2)
      let node = server.makeNode()
      let message = [UInt8](repeating: 1, count: 88)
      var warm = 0
      var done = 0
      let start = CPUClock.now()
      for index in 0..<transactions {
        if Interrupt.wasRequested { break }
        done += 1
        try client.send(message, to: node)
        _ = try server.receive()
        if index == transactions / 10 { warm = ProcFile.residentBytes }
      }
      let time = Double(CPUClock.now() - start) / Double(max(1, done))
      return [
        Row(name: "long run", value: Double(done), unit: "transactions"),
        Row(name: "long run, each", value: time, unit: "ns"),
        Row(
          name: "long run, growth of resident memory", value: Double(ProcFile.residentBytes - warm),
          unit: "bytes after its first tenth"),
      ]
    } catch {
      throw .failure("\(error)")
    }
  }
}
