internal import BinderBuffer
internal import CLinuxShims
internal import Glibc
internal import PageAlloc

/// `bindersim host`: the options, and what they turn into.
enum HostCommand {
  private static let name = Option(
    optional: "name", .text("NAME"),
    help: "others may join under that name, and 'bindersim state --of NAME' shows the processes")
  private static let join = Option(
    optional: "join", .text("NAME"), help: "run the program on the devices of that running host")
  private static let policy = Option(
    "policy", .policy, default: PlacementPolicy.c, shown: "c",
    help: "where buffers are placed, by which driver's rules (see 'bindersim help policies'): "
      + PlacementPolicy.allCases.map(\.name).joined(separator: ", "))
  private static let kernel = Option(
    optional: "kernel", short: "k", .kernelRelease,
    help: "the rules of this kernel's driver, as uname -r prints it; before 6.12 the protocol is "
      + "that of 6.1 (default: both of 6.12)")
  private static let region = Option(
    "region", .region, default: EngineOptions.largestRegion, shown: "4M",
    help: "bytes of region that a program gets at most, whatever it maps")
  private static let limits = Option(
    "limit", .limits, default: HostLimits(), shown: "far above what programs hold",
    help: "what one program may hold: "
      + HostLimits.all.map { "\($0.name) (\($0.meaning); beyond: \($0.error))" }
      .joined(separator: ", "))
  private static let serviceManager = Option(
    "service-manager",
    help: "answer handle 0 of /dev/binder as Android's service manager does: add, get, check, list")
  private static let label = Option(
    optional: "security-context", .text("LABEL"),
    help: "the security label of every program, for nodes that ask for it (default: none)")
  private static let quiet = Option("quiet", short: "q", help: "no report at the end")
  private static let check = Option(
    "check", help: "tell whether this machine can host, and why not; runs no program")
  private static let probe = Option(
    "probe", help: "use the devices as a program does and tell what they answer")
  private static let manage = Option(
    "manage", help: "be a service manager on /dev/binder: what --service-manager starts")
  private static let exchange = Option(
    optional: "exchange", .text("WORDS"), help: "be a program that 'bindersim bench host' measures")
  private static let echo = Option(
    optional: "echo", .text("WORDS"), help: "be the one that answers it")

  static let subcommand = Subcommand(
    name: "host", summary: "run real programs, which find /dev/binder and its kin",
    discussion: [
      """
      The program and all that it starts see /dev/binder, /dev/hwbinder and /dev/vndbinder, also \
      under /dev/binderfs, whatever the kernel has. It needs no root and no kernel module; the \
      program is not changed and may be in any language. The exit status is the program's.
      """,
      """
      The report goes to standard error when the last program has ended; Ctrl-C ends them.
      """,
    ],
    operands: [
      Operand(
        name: "PROGRAM", help: "the program and its arguments, after --", isRequired: false,
        repeats: true)
    ],
    options: [
      name.description, join.description, serviceManager.description, policy.description,
      kernel.description, RuleOptions.rules.description, region.description,
      EngineOptions.budget.description, limits.description,
      label.description, quiet.description, check.description,
      probe.description, manage.description, exchange.description, echo.description,
    ] + ExportOptions.descriptions,
    examples: [
      "bindersim host --check",
      "bindersim host -- sh -c './server & sleep 1; ./client'",
      "bindersim host --name dev --service-manager -- ./server",
      "bindersim host --join dev -- ./client",
      "bindersim host --html report.html --ftrace all.ftrace -- ./test-suite",
      "bindersim host --limit opens=8,memory=4M,handles=1000 -- ./test-suite",
    ]
  ) { arguments throws(CommandError) in
    if arguments[probe] { return HostProbe.run() }
    if let program = arguments[exchange].flatMap(ExchangeProgram.init) { return program.run() }
    if let server = arguments[echo].flatMap(EchoServer.init) { return server.run() }
    if arguments[manage] { return ServiceManager.run() }
    if arguments[check] { return try HostCheck.run() }
    let words = arguments.operands
    guard !words.isEmpty else {
      throw .usage(
        "host: PROGRAM is missing (the program and its arguments, after --)",
        hint: "See 'bindersim host --help'.")
    }
    if let name = arguments[join] { end(with: try HostJoin.run(name, words)) }
    let release = arguments[kernel]
    let chosen = try RuleOptions.choose(
      arguments.has(policy) || release == nil ? arguments[policy] : nil, release,
      arguments[RuleOptions.rules])
    let exports = try ExportOptions.request(from: arguments)
    let files = try ExportFiles.open(exports, inputs: [])
    var driver = DriverOptions(
      kernel: protocolVersion(of: release), policy: chosen.policy, sharing: .exportable,
      budget: arguments[EngineOptions.budget].map { PageBudget(pages: $0) })
    driver.limits = arguments[limits].driver
    let session = try HostSession(
      HostOptions(
        driver: driver, region: arguments[region], name: arguments[name],
        securityContext: arguments[label].map { Array($0.utf8) + [0] },
        isServiceManager: arguments[serviceManager], limits: arguments[limits],
        recording: exports.recording == .none && !arguments[quiet] ? .timeline : exports.recording))
    let start = MonotonicClock.now()
    let status = try session.run(words)
    let elapsed = MonotonicClock.now() - start
    let recorder = session.table.recorder
    let recording = recorder?.recording
    var report = session.table.report
    report.elapsedNanoseconds = elapsed
    report.policy = chosen.policy.name
    report.rules = chosen.report
    if let recorder, let recording { report.add(recorder, recording) }
    let outcome = report.outcome(recorder, recording, hasText: !arguments[quiet])
    if !arguments[quiet] { StandardError.write(outcome.text) }
    try files.writeFiles(outcome)
    end(with: status)
  }

  /// Of the two protocols that are spoken, the one of a kernel.
  private static func protocolVersion(of kernel: KernelRelease?) -> DriverKernel {
    guard let kernel, (kernel.major, kernel.minor) < (6, 12) else { return .linux612 }
    return .linux61
  }

  /// Any status that a program may have.
  private static func end(with status: CInt) -> Never { exit(status) }
}

extension ValueSyntax<String> {
  static func text(_ placeholder: String) -> Self {
    Self(placeholder, accepted: "some text") { $0.isEmpty ? nil : $0 }
  }
}

/// A program on the devices of another host.
enum HostJoin {
  static func run(_ name: String, _ arguments: [String]) throws(CommandError) -> CInt {
    HostSignals.catchSignals()
    let tracer = try ControlSocket.owner(of: name)
    let program = try Launched(arguments, tracer: tracer)
    do throws(CommandError) {
      try ControlSocket.join(name, program.listener)
    } catch {
      kill(program.child, SIGKILL)
      throw error
    }
    var status: CInt = 0
    while unsafe waitpid(program.child, &status, 0) < 0 {
      guard errno == EINTR else { return 1 }
      if let number = HostSignals.take() { program.signal(number) }
    }
    return status & 0x7f == 0 ? status >> 8 & 0xff : 128 + status & 0x7f
  }
}
