internal import BinderBuffer
internal import CLinuxShims
internal import Glibc
internal import PageAlloc

/// `bindersim host --check`: whether this machine can host, found out by hosting.
enum HostCheck {
  static func run() throws(CommandError) -> ExitStatus {
    #if arch(x86_64) || arch(arm64)
    #else
      throw .failure("cannot host: programs are hosted on x86-64 and arm64 only")
    #endif
    try StandardOutput.write("kernel: Linux \(KernelVersion.running)\n")
    let supported = bb_call_supported()
    guard supported == 0 else {
      throw .failure(
        Launched.explanation(of: -supported, at: CInt(bb_launch_filter.rawValue), "bindersim"))
    }
    try StandardOutput.write("seccomp user notification: yes\n")
    if let scope = SmallFile.read("/proc/sys/kernel/yama/ptrace_scope")?.first, scope >= "2" {
      throw .failure(
        "cannot host: looking into other processes is for administrators here; set "
          + "kernel.yama.ptrace_scope to 0 or 1 (it is \(scope))")
    }
    if unsafe access("/dev/binder", F_OK) == 0 {
      try StandardOutput.write(
        "this kernel has a /dev/binder of its own; hosted programs do not see it\n")
    }
    let session = try HostSession(
      HostOptions(driver: DriverOptions(sharing: .exportable), region: 4 << 20))
    let status = try session.run(["/proc/self/exe", "host", "--probe"])
    guard status == 0 else {
      throw .failure("cannot host: the trial program did not get what it asked for (above)")
    }
    try StandardOutput.write("this machine can host\n")
    return .success
  }
}

/// `bindersim host --probe`: a program that uses the devices, wherever they come from.
enum HostProbe {
  static func run() -> ExitStatus {
    let results = DevicePath.names.map { name in
      let path = "/dev/\(name)"
      let problem = problem(with: path)
      print("\(path): \(problem ?? "protocol \(bb_protocol_version), a region, answers")")
      return problem == nil
    }
    fflush(nil)
    return results.allSatisfy { $0 } ? .success : .failure
  }

  private static func problem(with path: String) -> String? {
    let device = unsafe open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK)
    guard device >= 0 else { return "cannot be opened: \(SystemError.message(errno))" }
    defer { close(device) }
    var version = binder_version()
    guard unsafe ioctl(device, UInt(bb_ioctl_version.rawValue), &version) == 0 else {
      return "does not tell its version: \(SystemError.message(errno))"
    }
    guard version.protocol_version == Int32(bb_protocol_version) else {
      return "speaks protocol \(version.protocol_version)"
    }
    let length = 128 << 10
    let region = unsafe mmap(nil, length, PROT_READ, MAP_PRIVATE | MAP_NORESERVE, device, 0)
    guard unsafe region != MAP_FAILED else {
      return "cannot be mapped: \(SystemError.message(errno))"
    }
    defer { unsafe munmap(region, length) }
    guard unsafe mprotect(region, length, PROT_READ | PROT_WRITE) != 0 else {
      return "has a region that the program can write"
    }
    // A call to nobody: dead reply, or whatever the context manager says to code 0.
    var values = binder_write_read()
    var returns = [UInt8](repeating: 0, count: 256)
    let status = unsafe returns.withUnsafeMutableBytes { buffer in
      values.read_buffer = UInt64(UInt(bitPattern: buffer.baseAddress))
      values.read_size = UInt64(buffer.count)
      return unsafe ioctl(device, UInt(bb_ioctl_write_read.rawValue), &values)
    }
    guard status != 0, errno == EAGAIN else { return "has work for a program that has none" }
    return nil
  }
}
