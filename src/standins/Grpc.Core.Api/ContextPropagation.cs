namespace Grpc.Core;

/// <summary>What a call made while serving another should take over from it.</summary>
public class ContextPropagationOptions(bool propagateDeadline = true, bool propagateCancellation = true)
{
    /// <summary>Everything is taken over.</summary>
    public static readonly ContextPropagationOptions Default = new();

    /// <summary>The inner call ends when the outer one would.</summary>
    public bool IsPropagateDeadline { get; } = propagateDeadline;

    /// <summary>The inner call is cancelled with the outer one.</summary>
    public bool IsPropagateCancellation { get; } = propagateCancellation;
}

/// <summary>The handle of an outer call. Only the native stack ever made one; the managed one refuses.</summary>
public abstract class ContextPropagationToken
{
    internal ContextPropagationToken()
    {
    }
}
