import Foundation
import Glibc
import Testing

/// Real programs under `bindersim host`: compiled here against the kernel's header.
@Suite(.serialized) struct HostTests {
  private static let programs: String = {
    let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    return tests.appendingPathComponent("HostPrograms").path
  }()

  /// A reason why nothing of this can be run here; nil when all can.
  static let obstacle: String? = {
    guard BuiltTool.installed(["cc", "gcc", "clang"]) != nil else { return "no C compiler" }
    guard let check = try? BuiltTool.run(["host", "--check"]) else { return "no bindersim" }
    return check.status == 0 ? nil : check.errors
  }()

  /// Compiles a program and returns its path.
  static func compiled(
    _ name: String, in scratch: ScratchDirectory
  ) throws -> String {
    let compiler = try #require(BuiltTool.installed(["cc", "gcc", "clang"]))
    let output = scratch.path(name)
    let made = try BuiltTool.shell(
      "\(compiler) -O1 -pthread -Wno-address-of-packed-member -o '\(output)' '\(programs)/\(name).c'",
      in: scratch.directory)
    try #require(made.status == 0, "\(made.errors)")
    return output
  }

  private func hosted(
    _ command: String, options: [String] = ["--quiet"]
  ) throws -> BuiltTool {
    try BuiltTool.run(["host"] + options + ["--", "/bin/sh", "-c", command])
  }

  @Test(.timeLimit(.minutes(15))) func checkSaysWhetherItCan() throws {
    let check = try BuiltTool.run(["host", "--check"])
    // Where it cannot, it says why.
    #expect(check.status == 0 || check.errors.contains("cannot host"))
    if let obstacle = Self.obstacle { print("skipped: programs are not hosted here: \(obstacle)") }
  }

  @Test(.timeLimit(.minutes(15)), .enabled(if: HostTests.obstacle == nil))
  func exitStatusIsTheProgramsOwn() throws {
    #expect(try hosted("exit 0").status == 0)
    #expect(try hosted("exit 77").status == 77)
    #expect(try hosted("kill -9 $$").status == 137)
    let absent = try BuiltTool.run(["host", "--", "/no/such/program"])
    #expect(absent.status == 3)
    #expect(absent.errors.contains("cannot run '/no/such/program'"))
  }

  @Test(.timeLimit(.minutes(15)), .enabled(if: HostTests.obstacle == nil))
  func devicesAreSeenByPath() throws {
    let seen = try hosted(
      """
      test -c /dev/binder && test -c /dev/hwbinder && test -r /dev/vndbinder \
        && test -e /dev/binderfs/binder && cd /dev && test -c ./binder \
        && ! test -e /dev/nobinder && cat /dev/binderfs/features/extended_error
      """)
    #expect(seen.status == 0, "\(seen.errors)")
    #expect(seen.output == "1\n")
  }

  @Test(.timeLimit(.minutes(15)), .enabled(if: HostTests.obstacle == nil))
  func aHostInAHostIsRefused() throws {
    let inner = try hosted("'\(try #require(BuiltTool.builtPath))' host -- true")
    #expect(inner.status == 3)
    #expect(inner.errors.contains("hosted already"))
  }

  /// A few recordings of the kernel's driver, byte for byte; `.ci/run` plays all of them.
  @Test(
    .timeLimit(.minutes(15)), .enabled(if: HostTests.obstacle == nil),
    arguments: ["call-and-reply", "close-with-buffers", "fd-array", "fork-inherits", "open-mmap"])
  func programsGetWhatTheKernelAnswered(_ scenario: String) throws {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    let program = try Self.compiled("bscene", in: scratch)
    let protocols = URL(fileURLWithPath: Self.programs).deletingLastPathComponent()
      .appendingPathComponent("BinderBufferTests/Fixtures/Protocol").path
    // Patient: a busy machine must not look like a thread that waits.
    let run = try hosted(
      "exec '\(program)' -b 1200 '\(protocols)/scenarios/\(scenario).scene'")
    let recording = readFile("\(protocols)/recordings/\(scenario).trace")
    #expect(run.output == recording, "\(run.errors)")
  }

  @Test(.timeLimit(.minutes(15)), .enabled(if: HostTests.obstacle == nil))
  func serverAndClientFindEachOther() throws {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    let server = try Self.compiled("server", in: scratch)
    let client = try Self.compiled("client", in: scratch)
    let run = try hosted(
      "'\(server)' >/dev/null & '\(client)' one copy 'of every byte'; status=$?; kill $!; "
        + "exit $status", options: ["--quiet", "--service-manager"])
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.output == "ONE\nCOPY\nOF EVERY BYTE\n")
  }

  @Test(.timeLimit(.minutes(15)), .enabled(if: HostTests.obstacle == nil))
  func anotherTerminalJoins() throws {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    let server = try Self.compiled("server", in: scratch)
    let client = try Self.compiled("client", in: scratch)
    let run = try BuiltTool.shell(
      """
      export XDG_RUNTIME_DIR='\(scratch.directory)'
      bindersim host --quiet --service-manager --name here -- '\(server)' >/dev/null &
      for i in 1 2 3 4 5 6 7 8 9; do test -S bindersim/here && break; sleep 0.2; done
      bindersim host --join here -- '\(client)' joined; status=$?
      bindersim state --of here > state.txt
      kill $!; wait
      cat state.txt; exit $status
      """, in: scratch.directory)
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.output.hasPrefix("JOINED\n"))
    let absent = try BuiltTool.run(["host", "--join", "nobody", "--", "true"])
    #expect(absent.status == 3)
    #expect(absent.errors.contains("no host named 'nobody'"))
  }

  @Test(
    .timeLimit(.minutes(15)), .enabled(if: HostTests.obstacle == nil), arguments: ["", "hostile"])
  func killedProgramsLeaveNothing(_ hostile: String) throws {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    let program = try Self.compiled("chaos", in: scratch)
    let run = try hosted("exec '\(program)' 20 4 7 \(hostile)")
    #expect(run.status == 0, "\(run.output)\(run.errors)")
  }

  /// A signal ends a call, and the kernel or the program makes it again: every call arrives once.
  @Test(
    .timeLimit(.minutes(15)),
    .disabled("an answer that a signal overtakes may leave its call waiting for ever"),
    arguments: ["", "restart"])
  func signalsSendNothingTwice(_ restart: String) throws {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    let program = try Self.compiled("signals", in: scratch)
    let run = try hosted("exec '\(program)' 3000 700 \(restart)")
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.output == "3000 calls\n")
  }

  /// Whoever waits in a call is told by an error, and no process stays behind.
  @Test(.timeLimit(.minutes(15)), .enabled(if: HostTests.obstacle == nil))
  func theHostItselfIsKilled() throws {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    let server = try Self.compiled("server", in: scratch)
    // All that is needed is open before: without its host no program can open a file.
    let run = try BuiltTool.shell(
      """
      mkfifo said
      bindersim host --quiet --service-manager -- /bin/sh -c "'\(server)'; echo ended \\$?" \
        >said 2>errors &
      host=$!
      exec 3<said
      read first <&3
      kill -9 $host
      read second <&3
      echo "$first, $second"
      # Nobody of them holds the pipe any more, the service manager neither.
      read more <&3 || echo all gone
      cat errors >&2
      """, in: scratch.directory)
    #expect(run.output == "added, ended 1\nall gone\n")
    #expect(run.errors.contains("BINDER_WRITE_READ"), "\(run.errors)")
  }

  /// Each limit has its error, and the user is told of it where the host sees it.
  @Test(
    .timeLimit(.minutes(15)), .enabled(if: HostTests.obstacle == nil),
    arguments: [
      ("opens", "opens=7", "7 EMFILE"), ("memory", "memory=640K", "5 ENOMEM"),
      ("threads", "threads=9", "9 ENOMEM"), ("handles", "handles=11", "11 BR_FAILED_REPLY ENOMEM"),
      ("nodes", "nodes=13", "13 BR_FAILED_REPLY ENOMEM"),
      ("unread", "unread=20", "20 BR_FAILED_REPLY ENOMEM"),
    ])
  func limitsHold(_ kind: String, _ limit: String, _ expected: String) throws {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    let program = try Self.compiled("limits", in: scratch)
    let run = try hosted("exec '\(program)' \(kind)", options: ["--quiet", "--limit", limit])
    #expect(run.output == expected + "\n", "\(run.errors)")
    #expect(
      run.errors.contains("has reached its limit of \(kind)") == ["opens", "memory"].contains(kind))
    // As it is, nobody meets one.
    if kind == "handles" {
      #expect(try hosted("exec '\(program)' \(kind)").output == "no limit\n")
    }
  }

  @Test func limitsThatAreNoneAreRefused() throws {
    for limit in ["", "opens", "opens=", "opens=0", "speed=3", "opens=1,", "memory=4X"] {
      let run = try BuiltTool.run(["host", "--limit", limit, "--", "true"])
      #expect(run.status == 2, "\(limit)")
      #expect(run.errors.contains("opens=N"), "\(run.errors)")
    }
  }
}
