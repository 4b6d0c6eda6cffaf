import Foundation
import Testing

@testable import bindersim

/// What a file is told to be, what is taken off it, and what is said where nothing can be done.
@Suite(.timeLimit(.minutes(15))) struct InputTests {
  private static let line =
    "a-1 (    1) [000] .... 1.000000: binder_transaction_received: transaction=5\n"

  private func kind(_ text: String) throws -> InputKind { try Input(bytes: Array(text.utf8)).kind }

  private func lines(_ bytes: [UInt8], chunk: Int = .max) throws -> [Int] {
    var reader = CaptureReader(bytes: bytes, chunk: chunk)
    var lines: [Int] = []
    while let record = try reader.next() {
      if record.event == .received(transaction: 5) { lines.append(record.line) }
    }
    return lines
  }

  @Test(
    arguments: [
      (line, .ftraceText), ("# tracer: nop\n#\n", .ftraceText), ("\n\n# x\n\(line)", .ftraceText),
      ("\u{FEFF}\(line)", .ftraceText), ("\n\(line)", .ftraceText),
      ("<!DOCTYPE html>\n<html>", .systracePage), ("<html>", .systracePage),
      ("<idle>-0 [0] 1.0: sched_switch: x\n", .ftraceText),
      ("{\"systemTraceEvents\": \"\"}", .systraceJSON), ("{\n \"traceEvents\": []}", .chromeJSON),
      ("[{\"ph\": \"X\"}]", .chromeJSON),
      ("packet {\n  ftrace_events {\n", .perfettoText), ("packet{timestamp: 1}", .perfettoText),
      ("[    1.5] binder: 1:2 ioctl failed\n", .kernelLog),
      ("<6>[    1.500000] usb 1-1: new device\n", .kernelLog),
      ("binder_alloc: 271: binder_alloc_buf size 131152 failed, no address space\n", .kernelLog),
      ("03-10 12:01:02.123  5542  5559 E JavaBinder: x\n", .logcat),
      ("--------- beginning of main\n", .logcat), ("E/JavaBinder( 5542): x\n", .logcat),
      ("2024-03-10 12:01:02.123  5542  5559 E JavaBinder: x\n", .logcat),
      ("binder state:\nproc 1\ncontext binder\n", .binderDump),
      ("  buffer 31964047: 0 size 124:0:0 delivered\n", .binderDump),
      ("=====\n== dumpstate: 2024-03-10 12:00:00\n=====\n", .bugReport),
      ("PK\u{3}\u{4}rest", .zip), ("\u{17}\u{8}Dtracing6\u{0}", .traceDat),
      ("PERFILE2xx", .perfData),
      ("words and more words\n", .unknownText), ("", .empty),
      ("\u{1}\u{2}\u{3}\u{4}", .otherBinary),
    ] as [(String, InputKind)])
  func kinds(text: String, kind: InputKind) throws {
    #expect(try self.kind(text) == kind)
  }

  @Test func whatIsTakenOff() throws {
    let text = Array("# tracer: nop\n\(Self.line)".utf8)
    let packed: [(String, [UInt8], [InputLayer])] = [
      ("gzip", PackedBytes.gzip(text), [.gzip]), ("zlib", PackedBytes.zlib(text), [.zlib]),
      ("zstd", PackedBytes.zstd(text), [.zstd]),
      ("twice", PackedBytes.gzip(PackedBytes.zstd(text)), [.gzip, .zstd]),
      ("atrace", Array("capturing trace... done.TRACE:\n".utf8) + PackedBytes.zlib(text), [.zlib]),
      ("atrace", Array("capturing trace... done\nTRACE:\n".utf8) + PackedBytes.zlib(text), [.zlib]),
      (
        "two members", PackedBytes.gzip(Array(text[..<20])) + PackedBytes.gzip(Array(text[20...])),
        [.gzip]
      ),
      ("padding", PackedBytes.gzip(text) + [0, 0, 0], [.gzip]),
      (
        "frames", PackedBytes.zstd(Array(text[..<20])) + PackedBytes.zstd(Array(text[20...])),
        [.zstd]
      ),
      ("UTF-16", [0xFF, 0xFE] + text.flatMap { [$0, 0] }, [.utf16]),
      ("UTF-16 the other way", [0xFE, 0xFF] + text.flatMap { [0, $0] }, [.utf16]),
    ]
    for (name, bytes, layers) in packed {
      for chunk in [1, 7, Int.max] {
        let input = try Input(bytes: bytes, chunk: chunk)
        #expect(input.layers == layers, "\(name)")
        #expect(input.kind == .ftraceText, "\(name)")
        #expect(try lines(bytes, chunk: chunk) == [2], "\(name)")
      }
    }
    #expect(try Input(bytes: packed[3].1).description == "ftrace text in zstd in gzip")
  }

  /// Cut anywhere, packed data gives what came before, and says that it ends too early.
  @Test func packedDataThatEnds() throws {
    let text = Array(String(repeating: Self.line, count: 2000).utf8)
    for packed in [PackedBytes.gzip(text), PackedBytes.zlib(text), PackedBytes.zstd(text)] {
      var reader = CaptureReader(bytes: Array(packed.prefix(packed.count - 40_000)))
      var count = 0
      while try reader.next() != nil { count += 1 }
      #expect(count > 0 && count < 2000)
      #expect(reader.input.damage?.contains("ends in the middle") == true)
      try reader.rewind()
      var again = 0
      while try reader.next() != nil { again += 1 }
      #expect(again == count)
    }
  }

  @Test func packedDataThatIsDamaged() throws {
    var packed = PackedBytes.gzip(Array(String(repeating: Self.line, count: 2000).utf8))
    // The second block's length.
    packed[10 + 5 + 65535 + 1] ^= 0xFF
    var reader = CaptureReader(bytes: packed)
    while try reader.next() != nil {}
    #expect(reader.summary.receiveds > 0)
    #expect(reader.input.damage?.contains("gzip data is damaged") == true)
  }

  /// The tool, run where the libraries cannot be opened: empty files stand in their way.
  @Test(arguments: [
    ("gz", "gzip", "libz.so.1", "zlib1g"), ("zst", "zstd", "libzstd.so.1", "libzstd1"),
  ])
  func withoutTheLibrary(suffix: String, format: String, library: String, package: String) throws {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    let text = Array("# tracer: nop\n\(Self.line)".utf8)
    let packed = format == "zstd" ? PackedBytes.zstd(text) : PackedBytes.gzip(text)
    let trace = ProtoMessage().message(
      1,
      format == "zstd"
        ? ProtoMessage().bytes(133, PackedBytes.zstd([8, 1]))
        : ProtoMessage().bytes(50, PackedBytes.zlib([8, 1])))
    writeFile(scratch.path(library), "")
    try Data(packed).write(to: URL(fileURLWithPath: scratch.path("packed.\(suffix)")))
    try Data(trace.bytes).write(to: URL(fileURLWithPath: scratch.path("packets.pftrace")))
    writeFile(scratch.path("plain.ftrace"), Self.line)
    let environment = ["LD_LIBRARY_PATH=\(scratch.directory)"]
    for (command, name) in [
      ("replay", "packed.\(suffix)"), ("explain", "packed.\(suffix)"),
      ("replay", "packets.pftrace"),
    ] {
      let tool = try BuiltTool.run([command, scratch.path(name)], environment: environment)
      #expect(tool.status == 3 && tool.output.isEmpty)
      let file = scratch.path(name)
      #expect(
        tool.errors.hasPrefix(
          "bindersim: \(file): it holds \(name.hasPrefix("packets") && format == "gzip" ? "zlib" : format) "
            + "data, and the system has no \(library) to unpack it; install it (Debian, Ubuntu: "
            + "\(package)) or unpack the file first"), "\(tool.errors)")
    }
    // What is not packed needs no library.
    let plain = try BuiltTool.run(
      ["replay", scratch.path("plain.ftrace")], environment: environment)
    #expect(plain.errors.isEmpty && plain.output.contains("ftrace text"))
  }

  @Test func whatCannotBeReplayed() throws {
    for (bytes, words) in [
      ("\u{17}\u{8}Dtracing6\u{0}", ["trace.dat", "trace-cmd report"]),
      ("PERFILE2xx", ["perf.data", "perf script"]), ("PK\u{3}\u{4}rest", ["zip", "explain"]),
      ("binder state:\nproc 1\n", ["dump", "explain"]),
    ] {
      let input = try Input(bytes: Array(bytes.utf8), name: "file")
      let refusal = try #require(input.refusal)
      for word in words + ["file"] { #expect("\(refusal)".contains(word)) }
    }
    #expect(try Input(bytes: Array(Self.line.utf8)).refusal == nil)
    #expect(try Input(bytes: Array("words".utf8)).refusal == nil)
  }

  /// A pipe is kept while it is read, so that it can be read once more.
  @Test func pipes() throws {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    // More than what is kept in memory.
    let text = String(
      repeating: Self.line, count: PipeSource.keptInMemory / Self.line.utf8.count + 5000)
    let path = scratch.path("pipe")
    #expect(mkfifo(path, 0o600) == 0)
    Thread.detachNewThread {
      FileHandle(forWritingAtPath: path)?.write(Data(text.utf8))
    }
    var reader = try CaptureReader(path: path)
    let canRewind = reader.canRewind
    #expect(canRewind)
    #expect(reader.input.kind == .ftraceText)
    var count = 0
    while try reader.next() != nil { count += 1 }
    try reader.rewind()
    var again = 0
    while try reader.next() != nil { again += 1 }
    #expect(count == again)
    #expect(count == text.utf8.count / Self.line.utf8.count)
    #expect(reader.summary.byteCount == text.utf8.count)
  }
}
