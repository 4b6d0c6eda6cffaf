/// Whose memory a `UserSlice` lies in.
@frozen
public enum UserMemory: Equatable, Sendable, BitwiseCopyable {
  /// Memory of this process that is known to be mapped. A plain copy.
  case trusted
  /// Addresses of this process that somebody else chose. The kernel copies and checks them.
  case untrusted
  /// Memory of another process, by its pid.
  case process(Int32)
}
