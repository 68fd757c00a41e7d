"""People, organizations, memberships and API keys as Django sees them.

Only `User` is managed by Django. The directory tables are written in `schema/ddl/0002_directory.sql`, because programs
read them without Django; the models over them are for reading and for the few writes people make.
"""

import secrets
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone


class UserManager(BaseUserManager["User"]):
    """Makes people. E-mail addresses are kept in lower case, so that one person cannot sign up twice."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A person with a password (None: cannot sign in with one)."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A member of staff who may use Django's admin."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").strip().lower())


class User(AbstractBaseUser, PermissionsMixin):
    """A person. Signs in with an e-mail address; belongs to organizations through memberships."""

    email = models.EmailField("e-mail address", max_length=254, unique=True, error_messages={
        "unique": "There is already an account with this e-mail address.",
    })  # fmt: skip
    ref = models.CharField(max_length=254, unique=True, editable=False)
    """The address of the beginning, under which this person's use and changes are recorded and limited. It never
    changes: whoever is paused or has a budget would shed it with the address they sign in with."""
    display_name = models.CharField("name", max_length=120, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    date_joined = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    EMAIL_FIELD = "email"
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        db_table = "app_user"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(Lower("email"), name="app_user_email_lower"),
        ]

    def __str__(self) -> str:
        return self.email

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self.ref:
            taken = type(self).objects.filter(ref=self.email).exists()  # by somebody who has another address now
            self.ref = f"{self.email[:200]} {secrets.token_hex(4)}" if taken else self.email
        super().save(*args, **kwargs)

    @property
    def name(self) -> str:
        """What to call this person: the display name, or the part of the address before the @."""
        return self.display_name or self.email.partition("@")[0]

    def get_full_name(self) -> str:
        return self.name

    def get_short_name(self) -> str:
        return self.name


class Organization(models.Model):
    """A customer of the product."""

    name = models.TextField()
    slug = models.TextField(unique=True)
    created_at = models.DateTimeField(db_default=models.functions.Now(), editable=False)

    class Meta:
        managed = False
        db_table = "organization"

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A person's role in an organization."""

    pk = models.CompositePrimaryKey("user_id", "organization_id")
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    organization = models.ForeignKey(Organization, models.CASCADE, db_column="org_id", related_name="memberships")
    role = models.TextField()
    joined_at = models.DateTimeField(db_default=models.functions.Now(), editable=False)

    class Meta:
        managed = False
        db_table = "membership"

    def __str__(self) -> str:
        return f"{self.user_id} is {self.role} of {self.organization_id}"


class ApiKey(models.Model):
    """A program's way in. The key itself is never stored."""

    hash = models.BinaryField(primary_key=True)
    organization = models.ForeignKey(Organization, models.CASCADE, db_column="org_id", related_name="api_keys")
    key_id = models.TextField(unique=True)
    name = models.TextField()
    prefix = models.TextField()
    scopes: "ArrayField[list[str], list[str]]" = ArrayField(models.TextField())
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, db_column="created_by", related_name="+")
    created_at = models.DateTimeField(db_default=models.functions.Now(), editable=False)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)

    class Meta:
        managed = False
        db_table = "api_key"

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def expired(self) -> bool:
        """Whether its end has come."""
        return self.expires_at is not None and self.expires_at <= timezone.now()


class Invitation(models.Model):
    """A letter that lets whoever holds it, under the address it was sent to, join. Its token is never stored."""

    hash = models.BinaryField(primary_key=True)
    organization = models.ForeignKey(Organization, models.CASCADE, db_column="org_id", related_name="invitations")
    invitation_id = models.TextField(unique=True)
    email = models.TextField()
    role = models.TextField()
    invited_by = models.ForeignKey(User, models.SET_NULL, null=True, db_column="invited_by", related_name="+")
    created_at = models.DateTimeField(db_default=models.functions.Now(), editable=False)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    accepted_by = models.ForeignKey(User, models.SET_NULL, null=True, db_column="accepted_by", related_name="+")
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        managed = False
        db_table = "invitation"

    def __str__(self) -> str:
        return f"{self.email} to {self.organization_id} as {self.role}"
