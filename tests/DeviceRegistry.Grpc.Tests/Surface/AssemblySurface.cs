using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using System.Runtime.CompilerServices;
using System.Security;

namespace DeviceRegistry.Grpc.Tests.Surface;

/// <summary>Asks again, of the assemblies that are here, for everything one assembly was compiled against.</summary>
/// <remarks>The loader is lazy: without this, a member that is missing shows only in the call that needs it.</remarks>
internal sealed class AssemblySurface(Assembly assembly)
{
    private const BindingFlags AllDeclared = BindingFlags.DeclaredOnly | BindingFlags.Instance | BindingFlags.Static
        | BindingFlags.Public | BindingFlags.NonPublic;

    private readonly List<string> _unresolved = [];

    /// <summary>What was not found; empty if all is well.</summary>
    public IReadOnlyList<string> Unresolved => _unresolved;

    /// <summary>How many references were resolved and methods compiled. Guards against a check of nothing.</summary>
    public int Checked { get; private set; }

    /// <summary>Resolves every reference to a type or a member.</summary>
    public void ResolveReferences()
    {
        using var file = new PEReader(File.OpenRead(assembly.Location));
        var metadata = file.GetMetadataReader();
        var module = assembly.ManifestModule;

        foreach (var handle in metadata.TypeReferences)
        {
            Check(() => Name(metadata, handle), () => module.ResolveType(MetadataTokens.GetToken(handle)));
        }

        // A reference may stand in a generic context that only its user knows. Strings will do for every parameter:
        // resolution needs some class, not the right one.
        var anyArguments = Enumerable.Repeat(typeof(string), 6).ToArray();
        foreach (var handle in metadata.MemberReferences)
        {
            Check(
                () => metadata.GetString(metadata.GetMemberReference(handle).Name),
                () => module.ResolveMember(MetadataTokens.GetToken(handle), anyArguments, anyArguments));
        }
    }

    /// <summary>Loads every type, which compares overrides with their bases, and compiles every method.</summary>
    public void CompileMethods()
    {
        foreach (var type in LoadTypes())
        {
            foreach (var method in type.GetMethods(AllDeclared).Concat<MethodBase>(type.GetConstructors(AllDeclared)))
            {
                if (HasBody(method)) Check(() => $"{type}.{method.Name}", () => Compile(type, method));
            }
        }
    }

    private IEnumerable<Type> LoadTypes()
    {
        try
        {
            return assembly.GetTypes();
        }
        catch (ReflectionTypeLoadException failure)
        {
            _unresolved.AddRange(failure.LoaderExceptions.Select(cause => $"{cause?.Message}"));
            return failure.Types.OfType<Type>();
        }
    }

    private static bool HasBody(MethodBase method) =>
        !method.IsAbstract
        && (method.MethodImplementationFlags & (MethodImplAttributes.Runtime | MethodImplAttributes.InternalCall)) == 0;

    private static void Compile(Type type, MethodBase method)
    {
        var parameterCount = type.GetGenericArguments().Length
            + (method.IsGenericMethodDefinition ? method.GetGenericArguments().Length : 0);
        if (parameterCount == 0)
        {
            RuntimeHelpers.PrepareMethod(method.MethodHandle);
            return;
        }

        var arguments = Enumerable.Repeat(typeof(string).TypeHandle, parameterCount).ToArray();
        RuntimeHelpers.PrepareMethod(method.MethodHandle, arguments);
    }

    private static string Name(MetadataReader metadata, TypeReferenceHandle handle)
    {
        var type = metadata.GetTypeReference(handle);
        return $"{metadata.GetString(type.Namespace)}.{metadata.GetString(type.Name)}";
    }

    private void Check(Func<string> name, Action resolve)
    {
        try
        {
            resolve();
            Checked++;
        }
        catch (Exception failure) when (IsMissing(failure))
        {
            _unresolved.Add($"{name()}: {failure.GetType().Name}: {failure.Message}");
        }
        catch (Exception failure) when (CannotBeAsked(failure))
        {
            // A string does not fit every generic parameter, and the client has a few calls into Windows. Of ours nothing
            // is missing; these few (under twenty) cannot be asked so.
        }
    }

    private static bool IsMissing(Exception failure) =>
        // ArgumentException is how reflection reports a field that is not there.
        failure is MissingMemberException or TypeLoadException or FileNotFoundException or FileLoadException
            or ArgumentException
        && failure is not DllNotFoundException
        && !ViolatesConstraint(failure);

    private static bool CannotBeAsked(Exception failure) =>
        failure is VerificationException or DllNotFoundException || ViolatesConstraint(failure);

    private static bool ViolatesConstraint(Exception failure) =>
        failure.Message.Contains("violates the constraint", StringComparison.Ordinal);
}
